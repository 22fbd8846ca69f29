public import TextKit

/// How one value is read, and what an error says was expected. The types below are all that a
/// configuration needs; `list`, `map` and `checked` combine them.
public struct YAMLType<Value>: Sendable {
    typealias Reader = @Sendable (YAMLNode, YAMLPlace) throws(YAMLError) -> Value

    /// For "expected …".
    let expected: String
    /// The same as a JSON Schema, as far as that can say it.
    let schema: JSON
    let read: Reader

    /// A type that is written as a scalar. `parse` returns `nil` for a text that is not one.
    static func scalar(
        _ expected: String, _ schema: JSON, plainOnly: Bool = false,
        _ parse: @escaping @Sendable (String) -> Value?
    ) -> YAMLType {
        YAMLType(expected: expected, schema: schema) { (node, place) throws(YAMLError) in
            guard case .scalar(let text, let isPlain) = node.content, !node.isNull else {
                throw place.mismatch(expected, node)
            }
            if plainOnly && !isPlain && parse(text) != nil {
                throw place.error(node, "expected \(expected); remove the quotes")
            }
            guard !plainOnly || isPlain, let value = parse(text) else {
                throw place.mismatch(expected, node)
            }
            return value
        }
    }

    /// The same type, with a check: `problem` returns what is wrong with a value, or `nil`.
    public func checked(_ problem: @escaping @Sendable (Value) -> String?) -> YAMLType {
        YAMLType(expected: expected, schema: schema) { (node, place) throws(YAMLError) in
            let value = try read(node, place)
            if let problem = problem(value) { throw place.error(node, problem) }
            return value
        }
    }
}

/// The place of a value: the file, and the path of keys that leads to it.
struct YAMLPlace {
    let file: String
    let key: String

    func inner(_ key: String) -> YAMLPlace {
        YAMLPlace(file: file, key: self.key.isEmpty ? key : self.key + "." + key)
    }

    func item(_ index: Int) -> YAMLPlace { YAMLPlace(file: file, key: key + "[\(index)]") }

    func error(_ node: YAMLNode, _ message: String) -> YAMLError {
        YAMLError(file: file, line: node.line, column: node.column, key: key, message: message)
    }

    func mismatch(_ expected: String, _ node: YAMLNode) -> YAMLError {
        error(node, "expected \(expected), found \(node.found)")
    }
}

extension YAMLType where Value == String {
    /// Any scalar as it is written: `16.04` stays `16.04`, `no` stays `no`.
    public static var string: YAMLType { .scalar("a string", .scalarTypes) { $0 } }
}

extension YAMLType where Value == Bool {
    public static var bool: YAMLType {
        .scalar("true or false", ["type": "boolean"], plainOnly: true) {
            ["true": true, "false": false][$0]
        }
    }
}

extension YAMLType where Value == Int {
    public static func int(_ range: ClosedRange<Int>) -> YAMLType {
        let expected =
            range.upperBound == .max
            ? "a whole number, at least \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        let schema: JSON = [
            "type": "integer", "minimum": .int(Int64(range.lowerBound)),
            "maximum": .int(Int64(range.upperBound)),
        ]
        return .scalar(expected, schema, plainOnly: true) { text in
            Int(text).flatMap { range.contains($0) && !text.hasPrefix("+") ? $0 : nil }
        }
    }

    /// `90s`, `20m`, `4h`, `7d`; the value is in seconds, at most a century.
    public static var durationSeconds: YAMLType {
        .scalar(
            "a duration such as 90s, 20m or 4h, at most 36525d",
            ["type": "string", "pattern": "^[0-9]+[smhd]$"]
        ) { DurationText.seconds($0) }
    }
}

extension YAMLType where Value == Int64 {
    /// `512MiB`, `2GiB`; the value is in bytes, at most 1 PiB.
    public static var sizeBytes: YAMLType {
        .scalar(
            "a size such as 512MiB or 2GiB, at most 1024TiB",
            ["type": "string", "pattern": "^[0-9]+([KMGT]i)?B$"]
        ) { ByteSize.bytes($0) }
    }
}

extension YAMLType where Value == JSON {
    /// A value of any type. A scalar is a text as it is written, so that `1.10` is not `1.1`; in a
    /// list or a mapping it is a number, true or false if it is written as JSON would write it.
    public static var json: YAMLType {
        let schema: JSON = ["not": ["type": "null"]]
        return YAMLType(expected: "a value", schema: schema) { (node, place) throws(YAMLError) in
            guard case .scalar(let text, _) = node.content else { return inner(node) }
            guard !node.isNull else { throw place.mismatch("a value", node) }
            return .string(text)
        }
    }

    /// The parser bounds the depth.
    private static func inner(_ node: YAMLNode) -> JSON {
        switch node.content {
        case .scalar(let text, let isPlain):
            guard isPlain else { return .string(text) }
            if node.isNull { return .null }
            if text == "true" || text == "false" { return .bool(text == "true") }
            if let number = Int64(text), String(number) == text { return .int(number) }
            if let number = Double(text), number.isFinite, "\(number)" == text {
                return .double(number)
            }
            return .string(text)
        case .sequence(let items): return .array(items.map(inner))
        case .mapping(let entries):
            return .object(
                Dictionary(
                    entries.map { ($0.key, inner($0.value)) }, uniquingKeysWith: { $1 }))
        }
    }
}

extension YAMLType
where Value: CaseIterable & RawRepresentable & SendableMetatype, Value.RawValue == String {
    /// One of the enumeration's words.
    public static var word: YAMLType {
        let words = Value.allCases.map(\.rawValue)
        return .scalar(
            "one of " + words.joined(separator: ", "), ["enum": .array(words.map { .string($0) })]
        ) { Value(rawValue: $0) }
    }
}

extension YAMLType {
    public static func list<Item>(of item: YAMLType<Item>) -> YAMLType where Value == [Item] {
        let expected = "a list"
        let schema: JSON = ["type": "array", "items": item.schema]
        return YAMLType(expected: expected, schema: schema) { (node, place) throws(YAMLError) in
            guard case .sequence(let nodes) = node.content else {
                throw place.mismatch(expected, node)
            }
            var items: [Item] = []
            for (index, node) in nodes.enumerated() {
                items.append(try item.read(node, place.item(index)))
            }
            return items
        }
    }

    /// A mapping with any keys, all values of one type.
    public static func map<Item>(of item: YAMLType<Item>) -> YAMLType
    where Value == [String: Item] {
        let expected = "a mapping"
        let schema: JSON = ["type": "object", "additionalProperties": item.schema]
        return YAMLType(expected: expected, schema: schema) { (node, place) throws(YAMLError) in
            guard case .mapping(let entries) = node.content else {
                throw place.mismatch(expected, node)
            }
            var items: [String: Item] = [:]
            for entry in entries {
                items[entry.key] = try item.read(entry.value, place.inner(entry.key))
            }
            return items
        }
    }
}

extension YAMLType where Value == YAMLMapping {
    /// A mapping that the caller reads further. It is finished with the whole document.
    public static var mapping: YAMLType {
        YAMLType(expected: "a mapping", schema: ["type": "object"]) {
            (node, place) throws(YAMLError) in
            try YAMLMapping(node, place)
        }
    }

    /// The same; a key that is none of these is refused before any is read.
    public static func mapping(of keys: YAMLKeys) -> YAMLType {
        YAMLType(expected: "a mapping", schema: keys.schemaOfValue) {
            (node, place) throws(YAMLError) in
            let mapping = try YAMLMapping(node, place)
            try mapping.check(keys: keys.names)
            return mapping
        }
    }
}

/// A value that may be written as a scalar, or in full.
public enum YAMLShort<Scalar, Full> {
    case scalar(Scalar)
    case full(Full)
}

extension YAMLType {
    /// A scalar of one type, or a list or mapping of another.
    public static func short<Scalar, Full>(
        _ scalar: YAMLType<Scalar>, or full: YAMLType<Full>
    ) -> YAMLType where Value == YAMLShort<Scalar, Full> {
        YAMLType(
            expected: "\(scalar.expected) or \(full.expected)",
            schema: ["anyOf": [scalar.schema, full.schema]]
        ) { (node, place) throws(YAMLError) in
            if case .scalar = node.content { return .scalar(try scalar.read(node, place)) }
            return .full(try full.read(node, place))
        }
    }
}
