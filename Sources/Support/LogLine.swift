import Glibc
import Synchronization
import TextKit

/// How lines of a daemon's log are written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// `level=info component=builds build=… msg="…"`
    case logfmt
    /// One object a line, with the same keys.
    case json

    private static let chosen = Mutex(LogFormat.logfmt)

    /// Of this process, from its configuration.
    public static var current: LogFormat {
        get { chosen.withLock(\.self) }
        set { chosen.withLock { $0 = newValue } }
    }

    private static let variable = "AIBUILD_LOG_FORMAT"

    /// Environment variables of a program that logs to the same place.
    public static var inherited: [String: String] {
        var variables = [variable: current.rawValue]
        variables[LogTarget.variable] = getenv(LogTarget.variable).map { String(cString: $0) }
        return variables
    }

    /// Takes the format of the program that started this one.
    public static func inherit() {
        guard let text = getenv(variable) else { return }
        current = LogFormat(rawValue: String(cString: text)) ?? .logfmt
    }
}

/// One line of a daemon's log. Whatever a value has, it stays one value of one line: names and
/// errors repeat what guests, hosts and clients sent.
struct LogLine {
    var level: Logger.Level
    var fields: [(key: String, value: String)]

    /// Journald cuts lines of more than 48 KiB, and syslog earlier.
    static let messageBytes = 8 << 10
    /// Of any other value.
    static let valueBytes = 256

    func text(_ format: LogFormat) -> String {
        let all = [("level", level.rawValue)] + fields
        switch format {
        case .logfmt:
            return all.map { "\($0.0)=\(Self.isBare($0.1) ? $0.1 : Self.quoted($0))" }
                .joined(separator: " ")
        case .json:
            return "{" + all.map { "\"\($0.0)\":\(Self.quoted($0))" }.joined(separator: ",") + "}"
        }
    }

    /// Whether it is one word for every reader of logfmt.
    private static func isBare(_ value: String) -> Bool {
        !value.isEmpty && value.utf8.count <= valueBytes
            && value.utf8.allSatisfy { byte in
                (0x21..<0x7F).contains(byte) && byte != UInt8(ascii: "\"")
                    && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\\")
            }
    }

    /// As a JSON string, which logfmt takes as well. What is invisible or would move a terminal's
    /// cursor is escaped.
    private static func quoted(_ field: (key: String, value: String)) -> String {
        let limit = field.key == "msg" ? messageBytes : valueBytes
        var out = "\""
        for scalar in field.value.unicodeScalars {
            guard out.utf8.count < limit else {
                out += "…"
                break
            }
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            default:
                if scalar.isInvisible {
                    for unit in String(scalar).utf16 {
                        out += "\\u" + unit.zeroPadded(4, radix: 16)
                    }
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }
}

/// Whether standard error is the journal, which takes the level from a prefix and adds the time.
enum LogTarget {
    static let variable = "JOURNAL_STREAM"

    static let isJournal: Bool = {
        guard let stream = getenv(variable) else { return false }
        var status = stat()
        guard fstat(STDERR_FILENO, &status) == 0 else { return false }
        return String(cString: stream) == "\(status.st_dev):\(status.st_ino)"
    }()
}
