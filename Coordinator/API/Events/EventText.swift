import Support

/// The pieces of a `text/event-stream`.
enum EventText {
    /// A comment, by which both ends notice a dead connection.
    static let heartbeat = Array(": still here\n\n".utf8)
    /// The last words of a coordinator that stops. Has browsers come back after a second instead
    /// of their own, longer pause.
    static let farewell = Array(
        ": the coordinator is stopping; connect again\nretry: 1000\n\n".utf8)

    /// Line ends in what is passed become spaces: they would begin a field of the stream.
    ///
    /// - Parameters:
    ///   - data: one line.
    ///   - id: what a follower sends as `Last-Event-ID` to resume after this event.
    static func event(_ name: String, _ data: String, id: String? = nil) -> [UInt8] {
        let id = id.map { "id: \($0)\n" } ?? ""
        return Array("event: \(name)\n\(id)data: \(oneLine(data))\n\n".utf8)
    }

    private static func oneLine(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return text }
        return String(
            decoding: text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, as: UTF8.self)
    }

    /// One event whose data are `lines`, each with its newline. A carriage return would end a line
    /// of the stream as well, and becomes a space; JSON has none but between its tokens.
    static func event(_ name: String, lines: ArraySlice<UInt8>, id: String) -> [UInt8] {
        var out = Array("event: \(name)\nid: \(id)\n".utf8)
        out.reserveCapacity(lines.count + lines.count / 8)
        let prefix = Array("data: ".utf8)
        lines.withUnsafeBytes { bytes in
            var start = 0
            while let newline = ByteSearch.first(0x0A, in: bytes, from: start) {
                out += prefix
                out += bytes[start...newline]
                start = newline + 1
            }
            guard ByteSearch.first(0x0D, in: bytes) != nil else { return }
            for index in out.indices where out[index] == 0x0D { out[index] = 0x20 }
        }
        out.append(0x0A)
        return out
    }
}
