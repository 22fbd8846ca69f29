@testable import CoordinatorAPI
import Testing

/// Texts of templates, guests and agents on their way to a browser.
@Suite struct HostileTextTests {
    /// Each of these joins the `<` to one `Character` with it.
    @Test(
        "No character next to a bracket or a quote lets it pass",
        arguments: ["\u{0600}", "\u{0301}", "\u{200D}", "\u{FE0F}", "\u{20DD}", "\u{0903}", "\r"])
    func escapeSeesEveryScalar(neighbour: String) {
        for mark in ["<", ">", "\"", "'", "&"] {
            for text in [neighbour + mark, mark + neighbour, neighbour + mark + neighbour] {
                let bytes = ("\(text)" as Markup).html.utf8
                #expect(!bytes.contains { "<>\"'".utf8.contains($0) }, "\(text.unicodeScalars)")
                #expect(bytes.filter { $0 == UInt8(ascii: "&") }.count == 1)
            }
        }
    }

    @Test("A line end in a text begins no field of an event stream")
    func eventsAreOneField() {
        for end in ["\r", "\n", "\r\n", "\u{0600}\r"] {
            let event = EventText.event("state", "a\(end)event: stopped", id: "1")
            let text = String(decoding: event, as: UTF8.self)
            #expect(text.hasSuffix("event: stopped\n\n"))
            #expect(!event.contains(0x0D))
            #expect(event.filter { $0 == 0x0A }.count == 4, "\(text.debugDescription)")
        }
    }

    @Test("A carriage return in a log begins no field of an event stream")
    func logsAreOneField() {
        let lines = Array("{\"m\":\"a\"}\r\n{\"m\":\"\revent: stopped\"}\n".utf8)
        let event = EventText.event("log", lines: lines[...], id: "1")
        #expect(
            String(decoding: event, as: UTF8.self)
                == "event: log\nid: 1\ndata: {\"m\":\"a\"} \ndata: {\"m\":\" event: stopped\"}\n\n")
    }
}
