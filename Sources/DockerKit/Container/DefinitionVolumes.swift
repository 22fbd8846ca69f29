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
                    binds.append("\(source):\(path):rw")
                    continue
                }
                let parts = try DefinitionShape.named(
                    target,
                    [
                        "bind": ["bind"], "mode": ["mode"], "ro": ["ro"],
                        "propagation": ["propagation"],
                    ])
                guard let bind = parts["bind"]?.text else {
                    throw Mismatch("'\(source)' needs the key 'bind', the path in the container")
                }
                binds.append("\(source):\(bind):\(try mode(parts, source))")
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

    private static let propagations = [
        "rshared", "shared", "rslave", "slave", "rprivate", "private",
    ]

    private static func mode(
        _ parts: [String: JSON], _ source: String
    ) throws(Mismatch) -> String {
        var words: [String] = []
        if let mode = parts["mode"] {
            guard parts["ro"] == nil else {
                throw Mismatch("'\(source)' has both 'ro' and 'mode': omit one of them")
            }
            let text = try DefinitionShape.string(mode)
            if !text.isEmpty { words.append(text) }
        } else {
            let isReadOnly = try parts["ro"].map { value throws(Mismatch) in
                try DefinitionShape.bool(value)
            }
            words.append(isReadOnly == .bool(true) ? "ro" : "rw")
        }
        if let propagation = parts["propagation"] {
            guard let word = propagation.text, propagations.contains(word) else {
                throw Mismatch(
                    "'\(source)': propagation must be \(propagations.joined(separator: ", "))")
            }
            words.append(word)
        }
        return words.joined(separator: ",")
    }

    /// `{"/run": "size=1m"}`, or a list of `/run:size=1m`.
    static func tmpfs(_ value: JSON) throws(Mismatch) -> JSON {
        if case .object = value { return .object(try DefinitionShape.map(value)) }
        var mounts: [String: JSON] = [:]
        for text in try DefinitionShape.strings(value) {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            mounts[String(parts[0])] = .string(parts.count == 2 ? String(parts[1]) : "")
        }
        return .object(mounts)
    }

    /// A list of `host:inside:rwm`, or of objects in the form of the Engine API.
    static func devices(_ value: JSON) throws(Mismatch) -> JSON {
        guard case .array(let values) = value else { throw Mismatch(value, wanted: "a list") }
        var devices: [JSON] = []
        for value in values {
            if case .object = value {
                devices.append(value)
                continue
            }
            let text = try DefinitionShape.string(value)
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
