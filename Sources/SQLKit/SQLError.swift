/// What a database refused or could not do, in a message that a person can act on.
public struct SQLError: Error, Sendable, Hashable {
    public enum Code: String, Sendable {
        /// The server cannot be reached, or it will not take connections now.
        case unreachable
        /// The connection was lost while a statement or COMMIT was under way: it may have taken
        /// effect or not. A caller that must know reads again.
        case connectionLost
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
    }

    public var code: Code
    /// The whole message for a person.
    public var message: String
    /// SQLite's extended result code or MariaDB's error number; 0 for an error of the kit itself.
    public var nativeCode: Int

    public init(_ code: Code, _ message: String, nativeCode: Int = 0) {
        self.code = code
        self.message = message
        self.nativeCode = nativeCode
    }

    /// Whether a retry is pointless until somebody changes something.
    public var isPermanent: Bool {
        switch code {
        case .unreachable, .connectionLost, .busy, .diskFull: false
        default: true
        }
    }

    /// Whether the same transaction may succeed if it is run again at once.
    var isTransient: Bool { code == .busy || code == .connectionLost }

    /// Whether a transaction is still whole after this error, so that its body may continue.
    var leavesTransactionWhole: Bool { code == .constraintUnique || code == .constraint }
}

extension SQLError: CustomStringConvertible {
    public var description: String { message }
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
