import TextKit

/// Volumes and devices in docker-py's spelling.
enum DefinitionVolumes {
    typealias Mismatch = DefinitionShape.Mismatch

    /// `{"/host": {"bind": "/inside", "mode": "ro"}}`, or a list of `host:inside:mode`.
    static func volumes(_ value: JSON) throws(Mismatch) -> [([String], JSON)] {
        var binds: [String] = []
        var anonymous: [String: JSON] = [:]
        if case .object(let fields) = value {
            for (source, target) in fields.sorted(by: { $0.key < $1.key }) {
                if let path = target.text {
                    binds.append("\(source):\(path)")
                    continue
                }
                let parts = try DefinitionShape.named(
                    target, ["bind": ["bind"], "mode": ["mode"], "ro": ["ro"]])
                guard let bind = parts["bind"]?.text else {
                    throw Mismatch("'\(source)' needs the key 'bind', the path in the container")
                }
                let mode = parts["mode"]?.text ?? (parts["ro"] == .bool(true) ? "ro" : "rw")
                binds.append("\(source):\(bind):\(mode)")
            }
        } else {
            for text in try DefinitionShape.strings(value) {
                if text.contains(":") { binds.append(text) } else { anonymous[text] = .object([:]) }
            }
        }
        var result: [([String], JSON)] = [
            (["HostConfig", "Binds"], .array(binds.map(JSON.string)))
        ]
        if !anonymous.isEmpty { result.append((["Volumes"], .object(anonymous))) }
        return result
    }

    /// A list of `host:inside:rwm`.
    static func devices(_ value: JSON) throws(Mismatch) -> JSON {
        var devices: [JSON] = []
        for text in try DefinitionShape.strings(value) {
            let parts = text.split(separator: ":").map(String.init)
            guard (1...3).contains(parts.count) else {
                throw Mismatch("'\(text.prefix(200))' is not a device: use /dev/x:/dev/y:rwm")
            }
            let isAccess = parts.count == 2 && parts[1].allSatisfy { "rwm".contains($0) }
            devices.append(
                .object([
                    "PathOnHost": .string(parts[0]),
                    "PathInContainer": .string(parts.count > 1 && !isAccess ? parts[1] : parts[0]),
                    "CgroupPermissions": .string(
                        isAccess ? parts[1] : parts.count > 2 ? parts[2] : "rwm"),
                ]))
        }
        return .array(devices)
    }
}
