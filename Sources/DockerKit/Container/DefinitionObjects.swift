import TextKit

/// Objects that docker-py has classes for; documents write their fields in either spelling.
enum DefinitionObjects {
    typealias Mismatch = DefinitionShape.Mismatch

    /// `[{"Name": "nofile", "Soft": 65536, "Hard": 65536}]`
    static func ulimits(_ value: JSON) throws(Mismatch) -> JSON {
        var limits: [JSON] = []
        for item in try list(value) {
            var fields = try DefinitionShape.named(
                item,
                ["Name": ["Name", "name"], "Soft": ["Soft", "soft"], "Hard": ["Hard", "hard"]])
            guard fields["Name"]?.text?.isEmpty == false else {
                throw Mismatch("each needs a Name, such as nofile")
            }
            for key in ["Soft", "Hard"] {
                if let number = fields[key] { fields[key] = .int(try DefinitionShape.int(number)) }
            }
            limits.append(.object(fields))
        }
        return .array(limits)
    }

    /// `[{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]`
    static func deviceRequests(_ value: JSON) throws(Mismatch) -> JSON {
        var requests: [JSON] = []
        for item in try list(value) {
            let fields = try DefinitionShape.named(
                item,
                [
                    "Driver": ["Driver", "driver"], "Count": ["Count", "count"],
                    "DeviceIDs": ["DeviceIDs", "device_ids"],
                    "Capabilities": ["Capabilities", "capabilities"],
                    "Options": ["Options", "options"],
                ])
            if let driver = fields["Driver"] { _ = try DefinitionShape.string(driver) }
            if let count = fields["Count"] { _ = try DefinitionShape.int(count) }
            for key in ["DeviceIDs", "Capabilities"] {
                if let value = fields[key] { _ = try list(value) }
            }
            if let options = fields["Options"] { _ = try DefinitionShape.object(options) }
            requests.append(.object(fields))
        }
        return .array(requests)
    }

    private static func list(_ value: JSON) throws(Mismatch) -> [JSON] {
        guard case .array(let values) = value else { throw Mismatch(value, wanted: "a list") }
        return values
    }
}
