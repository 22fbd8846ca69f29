import Glibc
import TextKit

/// A daemon's own log: one line per event on standard error, `level message key=value …`; journald
/// or the caller adds the time. It must not contain secrets: callers log names, not values.
public struct Logger: Sendable {
    public enum Level: String, Sendable { case info, warning, error }

    private let component: String

    public init(_ component: String) { self.component = component }

    public func info(_ message: String) { write(.info, message) }
    public func warning(_ message: String) { write(.warning, message) }
    public func error(_ message: String) { write(.error, message) }

    private func write(_ level: Level, _ message: String) {
        var line = "\(level.rawValue) \(component): \(message.visible)\n"
        line.withUTF8 { bytes in
            // One write per line, so that lines of several threads do not mix.
            _ = Glibc.write(2, bytes.baseAddress, bytes.count)
        }
    }
}
