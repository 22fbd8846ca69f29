import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import TextKit

/// What is wrong with a body, in the words of the API and not of the decoder.
struct BodyError {
    /// The words that a field of this type takes, by the name of the type.
    private static let words: [String: [String]] = [
        "OSType": OSType.allCases.map(\.rawValue),
        "EnvironmentKind": EnvironmentKind.allCases.map(\.rawValue),
        "Authentication": OpenStackSettings.Authentication.allCases.map(\.rawValue),
        "Interface": OpenStackSettings.Interface.allCases.map(\.rawValue),
        "Visibility": OpenStackSettings.Visibility.allCases.map(\.rawValue),
        "ReleaseFormat": ReleaseFormat.allCases.map(\.rawValue),
        "Builtin": TestDefinition.Builtin.allCases.map(\.rawValue),
    ]

    static func text(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            "field '\(path(context.codingPath + [key]))' is missing"
        case .typeMismatch(let type, let context):
            "\(place(context)) must be \(name(of: type))"
        case .valueNotFound(let type, let context):
            "\(place(context)) is null and must be \(name(of: type))"
        case .dataCorrupted(let context): corrupted(context)
        @unknown default: "not what was expected"
        }
    }

    private static func corrupted(_ context: DecodingError.Context) -> String {
        guard !context.codingPath.isEmpty else { return "not well-formed JSON" }
        let said = context.debugDescription
        // "Cannot initialize OSType from invalid String value linus"
        if let found = said.firstMatch(
            of: #/Cannot initialize (\w+) from invalid String value (.*)/#.dotMatchesNewlines())
        {
            let (type, value) = (String(found.1), String(found.2))
            let known = words[type] ?? []
            let hint = Suggestion.hint(for: value, in: known) ?? ""
            let list = known.isEmpty ? "" : ": use " + known.joined(separator: ", ")
            return "\(place(context)) is \(Names.quoted(value)), which is not known\(list)\(hint)"
        }
        if said.hasPrefix("Number ") || said.hasPrefix("Parsed JSON number") {
            return "\(place(context)) is a number that is out of range, or not a whole one"
        }
        return "\(place(context)): \(said)"
    }

    private static func place(_ context: DecodingError.Context) -> String {
        context.codingPath.isEmpty ? "the body" : "field '\(path(context.codingPath))'"
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [Any].Type: "a list"
        default: "an object"
        }
    }
}
