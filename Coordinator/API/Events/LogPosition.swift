import BuildProtocol
import HTTPTypes

/// The position of a follower: `<attempt>:<byte offset>`, the id of the last event it saw.
struct LogPosition: Sendable, Hashable {
    var attempt: AttemptToken
    var cursor: Int64

    var text: String { "\(attempt):\(cursor)" }

    static func parse(_ text: String?) throws -> LogPosition? {
        guard let text, !text.isEmpty else { return nil }
        let parts = text.split(separator: ":")
        guard parts.count == 2, let attempt = AttemptToken(String(parts[0])),
            let cursor = Int64(parts[1]), ByteBound.range.contains(cursor)
        else {
            throw Problem.badRequest(
                "Invalid position in a log: '\(text.prefix(80))'",
                remedy: "Send the ID of the last event, or none to start at the beginning")
        }
        return LogPosition(attempt: attempt, cursor: cursor)
    }
}
