import BuildProtocol
public import ErrorKit

/// A refused request; the message says why, and what would be accepted.
public typealias Refusal = CodedError<RefusalCode>

public enum RefusalCode: UsualFailureCode {
    case usual
    /// The request is valid but conflicts with the current state.
    case conflict
    /// There are too many builds at this moment.
    case full

    public var isPermanent: Bool { self == .usual }
}

extension Refusal {
    /// - Throws: `Refusal` with a name that is possible, if this one is invalid.
    static func check(_ name: String, _ what: String) throws {
        guard let problem = Names.problem(name, what: what) else { return }
        let possible = Names.fileName(of: name)
        throw Refusal(problem + (name.isEmpty ? "" : "; possible is, for example, '\(possible)'"))
    }

    /// - Throws: `Refusal` for a text that is too long or contains control characters.
    static func check(text: String, _ field: String, limitBytes: Int) throws {
        guard text.utf8.count <= limitBytes, !text.unicodeScalars.contains(where: isControl) else {
            throw Refusal("\(field) has more than \(limitBytes) bytes, or control characters")
        }
    }

    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || scalar.value == 0x7F
    }
}
