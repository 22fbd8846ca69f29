import HTTPClientKit
import Testing

@Suite("Server-sent events") struct ServerSentEventTests {
    private static let text =
        "\u{FEFF}: hello\n\nid: a:1\nevent: log\ndata: one\ndata:two\n\ndata\n\n"
        + "event: lost\n\nretry: 250\nretry: x\nid\r\n"
        + "data: {\"ü\":1}\r\rid: z\ndata:  s\n\ndata: cut"

    private static let events = [
        ["log", "one\ntwo", "a:1"],
        ["message", "", "a:1"],
        ["message", "{\"ü\":1}", ""],
        ["message", " s", "z"],
    ]

    @Test(
        "A stream cut into pieces of any size gives the same events",
        arguments: [1, 2, 3, 5, 7, 1000])
    func parsesPiecesCutAnywhere(size: Int) throws {
        var parser = ServerSentEventParser()
        var events: [ServerSentEvent] = []
        var rest = Array(Self.text.utf8)[...]
        while !rest.isEmpty {
            events += try parser.feed(rest.prefix(size))
            rest = rest.dropFirst(size)
        }
        #expect(events.map { [$0.name, $0.data, $0.id] } == Self.events)
        #expect(parser.lastEventID == "z")
        #expect(parser.retryMilliseconds == 250)
    }

    @Test("An id counts only once its event is complete")
    func anIdCountsOnlyWithItsEvent() throws {
        var parser = ServerSentEventParser()
        _ = try parser.feed("id: 1\ndata: x\n\nid: 2\ndata: half".utf8)
        #expect(parser.lastEventID == "1")
    }

    @Test("An event larger than the limit is refused")
    func boundsAnEvent() throws {
        var parser = ServerSentEventParser(limitBytes: 100)
        _ = try parser.feed("data: \(String(repeating: "x", count: 80))\n\n".utf8)
        #expect(throws: ServerSentEventParser.TooLong.self) {
            for _ in 0..<20 { _ = try parser.feed("data: 0123456789\n".utf8) }
        }
    }
}
