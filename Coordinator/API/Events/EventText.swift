/// The pieces of a `text/event-stream`.
enum EventText {
    /// A comment, by which both ends notice a dead connection.
    static let heartbeat = Array(": still here\n\n".utf8)
    /// The last words of a coordinator that stops. Has browsers come back after a second instead
    /// of their own, longer pause.
    static let farewell = Array(
        ": the coordinator is stopping; connect again\nretry: 1000\n\n".utf8)

    /// - Parameters:
    ///   - data: one line.
    ///   - id: what a follower sends as `Last-Event-ID` to resume after this event.
    static func event(_ name: String, _ data: String, id: String? = nil) -> [UInt8] {
        let id = id.map { "id: \($0)\n" } ?? ""
        return Array("event: \(name)\n\(id)data: \(data)\n\n".utf8)
    }
}
