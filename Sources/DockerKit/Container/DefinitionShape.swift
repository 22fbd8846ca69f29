import TextKit

/// The type of a docker-py keyword, and how its value is translated for the Engine API.
enum DefinitionShape: Sendable, Hashable {
    case string, stringOrInt, bool, int, bytes
    /// A list of strings, or one.
    case strings
    /// A string to be split as a shell does, or a list.
    case shellWords
    /// An object, or a list of `key<separator>value`; becomes the list.
    case pairs(Character)
    /// An object of strings, or a list of `key` or `key=value`; becomes an object.
    case map
    /// A list of objects in the form of the Engine API.
    case objects
    /// A list of strings, or one with commas between them.
    case commaStrings
    /// An object of options by path, or a list of `path:options`.
    case tmpfs
    case ports, volumes, devices, restart, logging, health, network, links, ulimits, deviceRequests
    case endpoints

    /// Why a value is invalid.
    struct Mismatch: Error {
        var message: String

        init(_ message: String) { self.message = message }

        init(_ value: JSON, wanted: String) {
            message = "expected \(wanted), got \(value.kindName)"
        }
    }

    /// Fields below the keyword's own path, with their values.
    func convert(_ value: JSON) throws(Mismatch) -> [([String], JSON)] {
        switch self {
        case .ports: try DefinitionNetwork.ports(value)
        case .network: try DefinitionNetwork.network(value)
        case .volumes: try DefinitionVolumes.volumes(value)
        default: [([], try single(value))]
        }
    }

    private func single(_ value: JSON) throws(Mismatch) -> JSON {
        switch self {
        case .string: .string(try Self.string(value))
        case .stringOrInt: .string(try Self.stringOrNumber(value))
        case .bool: try Self.bool(value)
        case .int: .int(try Self.int(value))
        case .bytes: .int(try Self.bytes(value))
        case .strings: .array(try Self.strings(value).map(JSON.string))
        case .shellWords: .array(try Self.shellWords(value).map(JSON.string))
        case .pairs(let separator):
            .array(try Self.pairs(value, separator).map { .string($0) })
        case .map: .object(try Self.map(value))
        case .objects: try Self.objects(value)
        case .commaStrings:
            .array(
                try Self.strings(value).flatMap { $0.split(separator: ",") }
                    .map { .string(String($0)) })
        case .tmpfs: try DefinitionVolumes.tmpfs(value)
        case .links: .array(try DefinitionNetwork.links(value).map(JSON.string))
        case .ulimits: try DefinitionObjects.ulimits(value)
        case .deviceRequests: try DefinitionObjects.deviceRequests(value)
        case .devices: try DefinitionVolumes.devices(value)
        case .endpoints: try DefinitionNetwork.endpoints(value)
        case .restart: try DefinitionNetwork.restart(value)
        case .logging: try DefinitionNetwork.logging(value)
        case .health: try DefinitionNetwork.health(value)
        case .ports, .network, .volumes: .null
        }
    }

    static func string(_ value: JSON) throws(Mismatch) -> String {
        guard let text = value.text else { throw Mismatch(value, wanted: "a string") }
        return text
    }

    /// Python programmers write 8080 or "8080".
    static func stringOrNumber(_ value: JSON) throws(Mismatch) -> String {
        switch value {
        case .string(let text): return text
        case .int(let number): return String(number)
        case .double(let number): return String(number)
        case .bool(let bool): return bool ? "True" : "False"
        default: throw Mismatch(value, wanted: "a string or a number")
        }
    }

    /// Python programmers write 1 for True as well.
    static func bool(_ value: JSON) throws(Mismatch) -> JSON {
        switch value {
        case .bool: return value
        case .int(0): return .bool(false)
        case .int(1): return .bool(true)
        case .string(let text) where ["true", "false"].contains(text.lowercased()):
            throw Mismatch("expected true or false, got a string: write it without quotes")
        default: throw Mismatch(value, wanted: "true or false")
        }
    }

    static func int(_ value: JSON) throws(Mismatch) -> Int64 {
        guard case .int(let number) = value else { throw Mismatch(value, wanted: "a whole number") }
        return number
    }

    /// `67108864`, `"64m"`, `"1gb"`, `"1.5g"`; units of 1024.
    static func bytes(_ value: JSON) throws(Mismatch) -> Int64 {
        switch value {
        case .int(let number): return number
        case .double(let number):
            if let bytes = Int64(exactly: number.rounded(.towardZero)) { return bytes }
        case .string(let text):
            if let bytes = bytes(of: text.lowercased()) { return bytes }
            throw Mismatch("'\(text.prefix(40))' is not a size: use bytes, or 512m or 1.5g")
        default: break
        }
        throw Mismatch(value, wanted: "a number of bytes, or a string such as 512m or 1.5g")
    }

    private static func bytes(of text: String) -> Int64? {
        let units: [Character: Int64] = [
            "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
        ]
        let digits = text.prefix { $0.isASCII && ($0.isNumber || "-.".contains($0)) }
        var unit = text.dropFirst(digits.count)
        if unit.count == 2, unit.hasSuffix("b") { unit = unit.dropLast() }
        guard unit.count < 2, let scale = unit.isEmpty ? 1 : unit.first.flatMap({ units[$0] })
        else { return nil }
        if let whole = Int64(digits) {
            let (bytes, overflows) = whole.multipliedReportingOverflow(by: scale)
            return overflows ? nil : bytes
        }
        guard let number = Double(digits) else { return nil }
        return Int64(exactly: (number * Double(scale)).rounded(.towardZero))
    }

    static func strings(_ value: JSON) throws(Mismatch) -> [String] {
        guard case .array(let values) = value else { return [try stringOrNumber(value)] }
        var strings: [String] = []
        for value in values { strings.append(try stringOrNumber(value)) }
        return strings
    }

    static func shellWords(_ value: JSON) throws(Mismatch) -> [String] {
        guard case .string(let text) = value else { return try strings(value) }
        guard let words = ShellWords.split(text) else { throw Mismatch("a quote is not closed") }
        return words
    }

    static func pairs(_ value: JSON, _ separator: Character) throws(Mismatch) -> [String] {
        guard case .object(let fields) = value else { return try strings(value) }
        var pairs: [String] = []
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            // As in docker-py: None means the name alone.
            pairs.append(value == .null ? key : "\(key)\(separator)\(try stringOrNumber(value))")
        }
        return pairs
    }

    static func map(_ value: JSON) throws(Mismatch) -> [String: JSON] {
        var map: [String: JSON] = [:]
        if case .object(let fields) = value {
            for (key, value) in fields {
                map[key] = .string(value == .null ? "" : try stringOrNumber(value))
            }
            return map
        }
        for text in try strings(value) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            map[String(parts[0])] = .string(parts.count == 2 ? String(parts[1]) : "")
        }
        return map
    }

    static func objects(_ value: JSON) throws(Mismatch) -> JSON {
        guard case .array(let values) = value else { throw Mismatch(value, wanted: "a list") }
        for value in values {
            guard case .object = value else { throw Mismatch(value, wanted: "a list of objects") }
        }
        return value
    }

    static func object(_ value: JSON) throws(Mismatch) -> [String: JSON] {
        guard case .object(let fields) = value else { throw Mismatch(value, wanted: "an object") }
        return fields
    }

    /// The values of an object's keys, in any of the spellings that docker-py accepts.
    static func named(
        _ value: JSON, _ known: [String: [String]]
    ) throws(Mismatch) -> [String: JSON] {
        var result: [String: JSON] = [:]
        for (key, value) in try object(value) {
            guard let name = known.first(where: { $0.value.contains(key) })?.key else {
                let all = known.keys.sorted().joined(separator: ", ")
                throw Mismatch("unknown key '\(key.prefix(64))'; known keys: \(all)")
            }
            if value != .null { result[name] = value }
        }
        return result
    }
}
