import TextKit

/// Ports, networks and policies in docker-py's spelling.
enum DefinitionNetwork {
    typealias Mismatch = DefinitionShape.Mismatch

    /// `{"8080/tcp": "8080", "53/udp": ["127.0.0.1", 53], "80": [8080, 8081], "90": null}`
    static func ports(_ value: JSON) throws(Mismatch) -> [([String], JSON)] {
        var exposed: [String: JSON] = [:]
        var bindings: [String: JSON] = [:]
        for (key, value) in try DefinitionShape.object(value) {
            let inside = key.contains("/") ? key : key + "/tcp"
            let parts = inside.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, UInt16(parts[0]) ?? 0 > 0,
                ["tcp", "udp", "sctp"].contains(parts[1])
            else { throw Mismatch("'\(key.prefix(64))' is not a port: use 8080/tcp") }
            exposed[inside] = .object([:])
            var list: [JSON] = []
            if case .array(let values) = value, !isAddress(value) {
                for value in values { list.append(try binding(value, key)) }
            } else {
                list = [try binding(value, key)]
            }
            bindings[inside] = .array(list)
        }
        return [
            (["ExposedPorts"], .object(exposed)),
            (["HostConfig", "PortBindings"], .object(bindings)),
        ]
    }

    /// `["127.0.0.1", 8080]` is docker-py's tuple of address and port.
    private static func isAddress(_ value: JSON) -> Bool {
        guard case .array(let parts) = value, let first = parts.first?.text else { return false }
        return parts.count <= 2 && (first.contains(".") || first.contains(":"))
    }

    private static func binding(_ value: JSON, _ key: String) throws(Mismatch) -> JSON {
        if case .array(let parts) = value, isAddress(value), let address = parts.first {
            let port = parts.count == 2 ? try hostPort(parts[1], key) : ""
            return .object(["HostIp": address, "HostPort": .string(port)])
        }
        return .object(["HostPort": .string(try hostPort(value, key))])
    }

    /// Empty means any.
    private static func hostPort(_ value: JSON, _ key: String) throws(Mismatch) -> String {
        if value == .null { return "" }
        let text = try DefinitionShape.stringOrNumber(value)
        guard UInt16(text) != nil else {
            throw Mismatch("\(key): '\(text.prefix(40))' is not a host port: use 1 to 65535")
        }
        return text
    }

    static func network(_ value: JSON) throws(Mismatch) -> [([String], JSON)] {
        let name = try DefinitionShape.string(value)
        return [
            (["HostConfig", "NetworkMode"], .string(name)),
            (["NetworkingConfig", "EndpointsConfig", name], .object([:])),
        ]
    }

    static func restart(_ value: JSON) throws(Mismatch) -> JSON {
        let fields = try DefinitionShape.named(
            value,
            [
                "Name": ["Name", "name"],
                "MaximumRetryCount": ["MaximumRetryCount", "maximum_retry_count"],
            ])
        let names = ["", "no", "always", "unless-stopped", "on-failure"]
        guard let name = fields["Name"]?.text, names.contains(name) else {
            throw Mismatch("Name must be no, always, unless-stopped or on-failure")
        }
        return .object(fields)
    }

    static func logging(_ value: JSON) throws(Mismatch) -> JSON {
        var fields = try DefinitionShape.named(
            value, ["Type": ["Type", "type"], "Config": ["Config", "config"]])
        if let config = fields["Config"] {
            fields["Config"] = .object(try DefinitionShape.map(config))
        }
        return .object(fields)
    }

    /// Times are in nanoseconds, as in docker-py.
    static func health(_ value: JSON) throws(Mismatch) -> JSON {
        var fields = try DefinitionShape.named(
            value,
            [
                "Test": ["Test", "test"], "Interval": ["Interval", "interval"],
                "Timeout": ["Timeout", "timeout"], "Retries": ["Retries", "retries"],
                "StartPeriod": ["StartPeriod", "start_period"],
            ])
        if let test = fields["Test"] {
            let words =
                if let text = test.text { ["CMD-SHELL", text] } else {
                    try DefinitionShape.strings(test)
                }
            fields["Test"] = .array(words.map(JSON.string))
        }
        return .object(fields)
    }
}
