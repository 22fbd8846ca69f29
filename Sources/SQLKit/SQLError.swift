/// What a database refused or could not do, said so that a person can act on it.
public struct SQLError: Error, Sendable, Hashable {
    public enum Code: String, Sendable {
        /// The server cannot be reached, or it will not take connections now.
        case unreachable
        /// The connection was lost while a statement or COMMIT was under way: it may have taken
        /// effect or not. A caller that must know reads again.
        case connectionLost
        /// User, password or rights are wrong.
        case accessDenied
        /// A unique key is there already.
        case constraintUnique
        /// Another constraint (foreign key, NOT NULL, CHECK), or a value that does not fit.
        case constraint
        /// A lock or deadlock that outlasted the retries.
        case busy
        /// Another process has the database file.
        case inUse
        case corrupt
        case readOnly
        case diskFull
        /// The statement or the schema that it expects is wrong: a defect, or a database of another
        /// version.
        case statement
        /// A column holds something else than the caller takes from it.
        case unexpectedValue
        /// The caller broke a rule of this kit.
        case misuse
        case other
    }

    public var code: Code
    /// The whole sentence for a person.
    public var message: String
    /// SQLite's extended result code or MariaDB's error number; 0 where the kit itself complains.
    public var nativeCode: Int

    public init(_ code: Code, _ message: String, nativeCode: Int = 0) {
        self.code = code
        self.message = message
        self.nativeCode = nativeCode
    }

    /// Whether trying the same again later is pointless unless somebody changes something first.
    public var isPermanent: Bool {
        switch code {
        case .unreachable, .connectionLost, .busy, .diskFull: false
        default: true
        }
    }

    /// Whether the same transaction may pass when it is run again at once.
    var isTransient: Bool { code == .busy || code == .connectionLost }

    /// Whether a transaction is still whole after this error, so that its body may go on.
    var leavesTransactionWhole: Bool { code == .constraintUnique || code == .constraint }
}

extension SQLError: CustomStringConvertible {
    public var description: String { message }
}

extension String {
    /// At most `limit` bytes of a library's or server's words, on one line.
    func bounded(_ limit: Int = SQLLimits.messageBytes) -> String {
        let line = String(
            String.UnicodeScalarView(unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
        guard line.utf8.count > limit else { return line }
        return String(decoding: line.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}
