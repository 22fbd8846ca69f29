import TextKit

extension JSON {
    /// The type of the value, for messages.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .int, .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// Whether Python counts the value as false, as docker-py does for what is not given.
    var isEmptyToPython: Bool {
        [.null, .bool(false), .int(0), .double(0), .string(""), .array([]), .object([:])]
            .contains(self)
    }

    /// Sets the value at a path of keys, creating objects on the way.
    mutating func set(_ value: JSON, at path: ArraySlice<String>) {
        guard let key = path.first else {
            self = value
            return
        }
        var fields: [String: JSON] = [:]
        if case .object(let old) = self { fields = old }
        var inner = fields[key] ?? .object([:])
        inner.set(value, at: path.dropFirst())
        fields[key] = inner
        self = .object(fields)
    }
}
