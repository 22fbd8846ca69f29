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
        if case .object = value {
            let parts = try DefinitionShape.named(
                value, ["HostIp": ["HostIp"], "HostPort": ["HostPort"]])
            guard let port = parts["HostPort"] else {
                throw Mismatch("\(key): the object needs HostPort")
            }
            var fields: [String: JSON] = ["HostPort": .string(try hostPort(port, key))]
            if let address = parts["HostIp"] {
                fields["HostIp"] = .string(try DefinitionShape.string(address))
            }
            return .object(fields)
        }
        return .object(["HostPort": .string(try hostPort(value, key))])
    }

    /// Empty means any; of a range, the engine chooses a free one.
    private static func hostPort(_ value: JSON, _ key: String) throws(Mismatch) -> String {
        if value == .null { return "" }
        let text = try DefinitionShape.stringOrNumber(value)
        if text.isEmpty { return "" }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1],
            first <= last
        else {
            throw Mismatch(
                "\(key): '\(text.prefix(40))' is not a host port: use 8080, 8080-8090, or "
                    + "[\"127.0.0.1\", 8080] with an address")
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

    /// The settings of a container in its network: `{"back": {"Aliases": ["db"]}}`.
    static func endpoints(_ value: JSON) throws(Mismatch) -> JSON {
        let endpoints = try DefinitionShape.object(value)
        guard endpoints.count == 1 else {
            throw Mismatch("a container begins in one network: give the settings of that one")
        }
        return .object(endpoints.mapValues { $0 == .null ? .object([:]) : $0 })
    }

    /// `{"db": "database"}`, `[["db", "database"]]`, `["db:database", "cache"]`
    static func links(_ value: JSON) throws(Mismatch) -> [String] {
        func link(_ name: JSON, _ alias: JSON) throws(Mismatch) -> String {
            let name = try DefinitionShape.string(name)
            if alias == .null || alias == .string("") { return name }
            return "\(name):\(try DefinitionShape.string(alias))"
        }
        var links: [String] = []
        if case .object(let fields) = value {
            for (name, alias) in fields.sorted(by: { $0.key < $1.key }) {
                links.append(try link(.string(name), alias))
            }
            return links
        }
        guard case .array(let values) = value else {
            throw Mismatch(value, wanted: "an object or a list")
        }
        for value in values {
            guard case .array(let pair) = value else {
                links.append(try DefinitionShape.string(value))
                continue
            }
            guard pair.count == 2 else { throw Mismatch("a link is [\"container\", \"alias\"]") }
            links.append(try link(pair[0], pair[1]))
        }
        return links
    }

    static func restart(_ value: JSON) throws(Mismatch) -> JSON {
        if let word = value.text {
            throw Mismatch(
                "expected an object, got a string: write {\"Name\": \"\(word.prefix(40))\"}")
        }
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
        for key in ["Interval", "Timeout", "StartPeriod"] {
            if let value = fields[key] { fields[key] = .int(try nanoseconds(value, key)) }
        }
        if let retries = fields["Retries"] {
            fields["Retries"] = .int(try DefinitionShape.int(retries))
        }
        return .object(fields)
    }

    private static func nanoseconds(_ value: JSON, _ key: String) throws(Mismatch) -> Int64 {
        if case .string(let text) = value {
            let units: [Substring: Double] = ["ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9]
            let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let scale = units[text.dropFirst(digits.count)]
            let number = Double(digits).flatMap { number in
                scale.flatMap { Int64(exactly: (number * $0).rounded()) }
            }
            throw Mismatch(
                "\(key) is in nanoseconds, without quotes: write "
                    + (number.map { "\($0) for \(text)" } ?? "30000000000 for 30 seconds"))
        }
        let number = try DefinitionShape.int(value)
        guard number == 0 || number >= 1_000_000 else {
            throw Mismatch(
                "\(key) is in nanoseconds, and at least 1000000: write "
                    + "\(number > 0 ? "\(number)000000000 for \(number) seconds" : "0 or more")")
        }
        return number
    }
}
