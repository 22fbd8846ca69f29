import Glibc
import TextKit

/// A daemon's own log: one line per event on standard error, with its level, the part of the
/// program, what it is about (`LogIDs`) and a message. It must not contain secrets: callers log
/// names, not values.
public struct Logger: Sendable {
    public enum Level: String, Sendable {
        case info, warning, error

        /// As syslog counts.
        var priority: Int {
            switch self {
            case .info: 6
            case .warning: 4
            case .error: 3
            }
        }
    }

    private let component: String
    let ids: LogIDs

    /// - Parameter ids: of every line; those of the current task are added.
    public init(_ component: String, _ ids: LogIDs = LogIDs()) {
        self.component = component
        self.ids = ids
    }

    /// The same part of the program, about this.
    public func about(_ ids: LogIDs) -> Logger { Logger(component, self.ids.with(ids)) }

    public func info(_ message: String) { write(.info, message) }
    public func warning(_ message: String) { write(.warning, message) }
    public func error(_ message: String) { write(.error, message) }

    private func write(_ level: Level, _ message: String) {
        var line = Self.line(
            level, component, LogIDs.current.with(ids), message, LogFormat.current,
            toJournal: LogTarget.isJournal)
        line.withUTF8 { bytes in
            // One write per line, so that lines of several threads do not mix.
            _ = Glibc.write(2, bytes.baseAddress, bytes.count)
        }
    }

    static func line(
        _ level: Level, _ component: String, _ ids: LogIDs, _ message: String,
        _ format: LogFormat, toJournal: Bool
    ) -> String {
        let time = toJournal ? [] : [("time", now())]
        let fields = time + [("component", component)] + ids.fields + [("msg", message)]
        let prefix = toJournal ? "<\(level.priority)>" : ""
        return prefix + LogLine(level: level, fields: fields).text(format) + "\n"
    }

    private static func now() -> String {
        UTCTime(unixMilliseconds: Clocks.unixMilliseconds()).rfc3339Milliseconds
    }
}
