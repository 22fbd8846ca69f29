@_exported public import ErrorKit

/// What a database refused or could not do. What the library or server reported is the cause: a
/// `LibraryError` with SQLite's extended result code or MariaDB's error number.
public typealias SQLError = CodedError<SQLErrorCode>

public enum SQLErrorCode: FailureCode {
    /// The server cannot be reached, or it will not take connections now.
    case unreachable
    /// The connection was lost while a statement or COMMIT was under way: it may have taken
    /// effect or not. A caller that must know reads again.
    case connectionLost
    /// The account has used up a limit that its server sets, for an hour or so.
    case limited
    /// The server ended a statement that took too long.
    case timedOut
    /// A statement with its values is larger than the server takes.
    case tooLarge
    /// The server is not one that this kit can work with.
    case unsupported
    /// User, password or rights are wrong.
    case accessDenied
    /// A unique key exists already.
    case constraintUnique
    /// Another constraint (foreign key, NOT NULL, CHECK), or a value that does not fit.
    case constraint
    /// A lock or deadlock that outlasted the retries.
    case busy
    /// Another process has the database file open.
    case inUse
    case corrupt
    case readOnly
    case diskFull
    /// The statement, or the schema that it expects, is wrong: a defect, or a database of
    /// another version.
    case statement
    /// A column holds another type than the caller asks for.
    case unexpectedValue
    /// The caller broke a rule of this kit.
    case misuse
    case other

    public var isPermanent: Bool {
        switch self {
        case .unreachable, .connectionLost, .limited, .timedOut, .busy, .diskFull: false
        default: true
        }
    }

    /// Whether the same transaction may succeed if it is run again at once, perhaps at another
    /// node.
    var isTransient: Bool { self == .busy || self == .connectionLost || self == .unreachable }

    /// Whether a transaction is still whole after this error, so that its body may continue.
    var leavesTransactionWhole: Bool { self == .constraintUnique || self == .constraint }
}

extension String {
    /// At most `limit` bytes of a library's or server's message, on one line.
    func bounded(_ limit: Int = SQLLimits.messageBytes) -> String {
        let line = String(
            String.UnicodeScalarView(unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
        guard line.utf8.count > limit else { return line }
        return String(decoding: line.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}
