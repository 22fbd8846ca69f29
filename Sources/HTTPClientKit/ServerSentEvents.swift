/// One event of a `text/event-stream`.
public struct ServerSentEvent: Sendable, Hashable {
    /// `message` if the server gives none.
    public var name: String
    public var data: String
    /// The last id of the stream, from this event or an earlier one: the `Last-Event-ID` to resume
    /// after it.
    public var id: String
}

/// Parses a `text/event-stream` that arrives in arbitrary pieces.
public struct ServerSentEventParser: Sendable {
    public struct TooLong: Error, CustomStringConvertible {
        public var description: String { "the server sends an event without end" }
    }

    /// As of the last complete event.
    public private(set) var lastEventID = ""
    /// The reconnect delay that the server requests.
    public private(set) var retryMilliseconds: Int?

    private let limitBytes: Int
    private var line: [UInt8] = []
    private var lastWasReturn = false
    private var isFirstLine = true
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var id: String?

    /// - Parameter limitBytes: largest size of an event.
    public init(limitBytes: Int = 8 << 20) { self.limitBytes = limitBytes }

    /// The events that `bytes` complete. The rest is kept for the next call.
    public mutating func feed(
        _ bytes: some Sequence<UInt8>
    ) throws(TooLong) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") && lastWasReturn {
                lastWasReturn = false
                continue
            }
            lastWasReturn = byte == UInt8(ascii: "\r")
            if lastWasReturn || byte == UInt8(ascii: "\n") {
                if let event = endLine() { events.append(event) }
            } else {
                line.append(byte)
                if line.count + data.count > limitBytes { throw TooLong() }
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty { return endEvent() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        if colon == 0 { return nil }  // a comment: the heartbeat
        let field = String(decoding: line[..<colon], as: UTF8.self)
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        take(field, value)
        return nil
    }

    private mutating func take(_ field: String, _ value: ArraySlice<UInt8>) {
        switch field {
        case "event": name = String(decoding: value, as: UTF8.self)
        case "data":
            if hasData { data.append(UInt8(ascii: "\n")) }
            hasData = true
            data += value
        case "id" where !value.contains(0): id = String(decoding: value, as: UTF8.self)
        case "retry":
            let text = String(decoding: value, as: UTF8.self)
            if text.utf8.allSatisfy({ (48...57).contains($0) }) { retryMilliseconds = Int(text) }
        default: break
        }
    }

    private mutating func endEvent() -> ServerSentEvent? {
        defer {
            name = ""
            data.removeAll(keepingCapacity: true)
            hasData = false
        }
        if let id { lastEventID = id }
        id = nil
        guard hasData else { return nil }
        return ServerSentEvent(
            name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self),
            id: lastEventID)
    }
}
