public import TextKit

/// A key of a mapping, with the type of its value. Declared once, it is what the parser reads and
/// what the schema says.
public struct YAMLKey<Value>: Sendable {
    public let name: String
    public let type: YAMLType<Value>
    /// For editors: a sentence.
    let about: String

    public init(_ name: String, _ type: YAMLType<Value>, _ about: String) {
        self.name = name
        self.type = type
        self.about = about
    }
}

/// The keys that a mapping may have.
public struct YAMLKeys: Sendable {
    public let names: Set<String>
    private let properties: [String: JSON]
    private let required: [String]

    /// - Parameter required: names of keys that a mapping must have.
    public init<each Value>(_ key: repeat YAMLKey<each Value>, required: [String] = []) {
        var properties: [String: JSON] = [:]
        func add<T>(_ key: YAMLKey<T>) {
            guard case .object(var schema) = key.type.schema else { return }
            schema["description"] = .string(key.about)
            properties[key.name] = .object(schema)
        }
        repeat add(each key)
        names = Set(properties.keys)
        self.properties = properties
        self.required = required
    }

    /// The keys of both.
    public func adding(_ other: YAMLKeys) -> YAMLKeys {
        YAMLKeys(
            properties: properties.merging(other.properties) { $1 },
            required: required + other.required)
    }

    private init(properties: [String: JSON], required: [String]) {
        names = Set(properties.keys)
        self.properties = properties
        self.required = required
    }

    /// The same of a value: nothing counts as an empty mapping.
    var schemaOfValue: JSON {
        guard case .object(var schema) = schema, required.isEmpty else { return schema }
        schema["type"] = ["object", "null"]
        return .object(schema)
    }

    /// A JSON Schema (draft 2020-12) of a mapping with these keys.
    public var schema: JSON {
        var schema: [String: JSON] = [
            "type": "object", "additionalProperties": false, "properties": .object(properties),
        ]
        if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
        return .object(schema)
    }
}

extension YAMLMapping {
    /// - Throws: `YAMLError` when the key is missing or its value is of another type.
    public func take<T>(_ key: YAMLKey<T>) throws(YAMLError) -> T { try take(key.name, key.type) }

    public func take<T>(_ key: YAMLKey<T>, default fallback: T) throws(YAMLError) -> T {
        try take(key.name, key.type, default: fallback)
    }

    public func takeIfPresent<T>(_ key: YAMLKey<T>) throws(YAMLError) -> T? {
        try takeIfPresent(key.name, key.type)
    }

    /// An error about a key's value, for rules that only the caller knows.
    public func error<T>(_ key: YAMLKey<T>, _ message: String) -> YAMLError {
        error(key.name, message)
    }
}

extension JSON {
    /// What YAML writes as a scalar: texts need no quotes.
    static let scalarTypes: JSON = ["type": ["string", "number", "boolean"]]
}
