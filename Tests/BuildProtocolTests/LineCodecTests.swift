@testable import BuildProtocol
import Testing

@Suite struct LineCodecTests {
    private let token = AttemptToken(high: 1, low: 2)

    private func decode(_ text: String) throws -> AgentMessage {
        try LineCodec.decode(AgentMessage.self, from: Array(text.utf8))
    }

    /// What a malformed line is answered with.
    private func complaint(_ text: String) -> String {
        do {
            let message = try LineCodec.decode(CoordinatorMessage.self, from: Array(text.utf8))
            return "was taken: \(message)"
        } catch { return "\(error)" }
    }

    @Test("An encoded line has one newline, at its end") func newline() throws {
        let chunk = LogChunk(attempt: token, cursor: 0, data: "a\nb\r\n\0\u{2028}é\u{1F600}")
        let line = try LineCodec.encode(AgentMessage.log(chunk))
        #expect(line.filter { $0 == 0x0A }.count == 1)
        #expect(line.last == 0x0A)
        #expect(
            try LineCodec.decode(AgentMessage.self, from: Array(line.dropLast())) == .log(chunk))
    }

    @Test("Unknown fields are ignored") func unknownFields() throws {
        let text =
            #"{"type":"pong","id":7,"mood":"good","nested":{"type":"hello"},"list":[1,"x",null]}"#
        #expect(try decode(text) == .pong(Ping(id: 7)))
    }

    @Test("An unknown type is not reported as a malformed message") func unknownType() {
        #expect(throws: ProtocolError.unknownType("migrate")) {
            try decode(#"{"type":"migrate","attempt":5}"#)
        }
        #expect(throws: ProtocolError.unknownType("start")) {
            try decode(#"{"type":"start"}"#)  // a coordinator's word, said by an agent
        }
        let long = String(repeating: "x", count: 500)
        #expect(
            ProtocolError.unknownType(long).description
                == "unknown message type '\(String(repeating: "x", count: 64))'")
    }

    @Test(
        "A malformed message is reported with its field",
        arguments: [
            (#"{"type":"cancel","reason":"r"}"#, "field 'attempt' is missing"),
            (#"{"type":"follow","attempt":"x","cursor":0}"#, "attempt: an attempt token is 32"),
            (#"{"type":"follow","attempt":"X","cursor":0}"#, "attempt: an attempt token is 32"),
            (#"{"cursor":0}"#, "field 'type' is missing"),
            (#"{"type":7}"#, "type: "),
            (#"{"type":"hello","version":{"major":"one","minor":0}}"#, "version.major: "),
            (#"{"type":"ping","id":"1"}"#, "id: "),
            (#"{"type":"ping","id":null}"#, "id: "),
        ])
    func malformedField(_ text: String, _ expected: String) {
        let complaint = complaint(text)
        #expect(complaint.hasPrefix("malformed message: "))
        #expect(complaint.contains(expected), "\(complaint)")
    }

    @Test("A wrong field deep in a start message is named by its path") func nestedField() throws {
        let document = try ProtocolDocument()
        let start = try #require(
            document.messages("coordinator").map { String(decoding: $0, as: UTF8.self) }
                .first { $0.contains("\"kind\":\"packer\"") })
        func broken(_ this: String, _ that: String) throws -> String {
            let range = try #require(start.firstRange(of: this), "\(this)")
            return complaint(start[..<range.lowerBound] + that + start[range.upperBound...])
        }
        #expect(try broken(#""vcpus":2"#, #""vcpus":"two""#).contains("requirements.vcpus: "))
        #expect(
            try broken(#""kind":"packer""#, #""kind":"docker""#)
                .contains("recipe.builder.kind: unknown builder 'docker'"))
        #expect(try broken(#""kvm""#, #""xen""#).contains("requirements.accelerator: "))
        #expect(try broken(#""number":7"#, #""count":7"#).contains("field 'number' is missing"))
        #expect(try broken(#""tags":["ssd"]"#, #""tags":[5]"#).contains("requirements.tags."))
    }

    @Test(
        "Text that is not a message is malformed",
        arguments: [
            #"{"type":"ping","id":1.5}"#,
            "", "null", "[]", "7", "\"hello\"", "{", "nonsense", "{\"type\":\"ping\"", "\u{0}",
        ])
    func noMessage(_ text: String) {
        #expect(complaint(text).hasPrefix("malformed message: "), "\(complaint(text))")
    }

    @Test("Bytes that are not UTF-8 are malformed") func invalidUTF8() {
        var line = Array(#"{"type":"cancel","attempt":"\#(token)","reason":""#.utf8)
        line += [0xFF, 0xFE] + Array(#""}"#.utf8)
        #expect(throws: ProtocolError.self) {
            try LineCodec.decode(CoordinatorMessage.self, from: line)
        }
    }

    @Test("Deep nesting does not end the process") func deepNesting() {
        let depth = 100_000
        let text =
            #"{"type":"ping","id":1,"x":"# + String(repeating: "[", count: depth)
            + String(repeating: "]", count: depth) + "}"
        // Taken or refused, but the process lives.
        _ = try? LineCodec.decode(CoordinatorMessage.self, from: Array(text.utf8))
    }

    @Test("A message that is too long for a line is not encoded") func tooLong() throws {
        func line(_ count: Int) throws -> [UInt8] {
            try LineCodec.encode(
                AgentMessage.log(
                    LogChunk(attempt: token, cursor: 0, data: String(repeating: "x", count: count)))
            )
        }
        let overhead = try line(0).count
        #expect(
            try line(ProtocolLimits.lineBytes - overhead).count == ProtocolLimits.lineBytes)
        #expect(throws: ProtocolError.tooLong) {
            try line(ProtocolLimits.lineBytes - overhead + 1)
        }
    }

    /// The worst that JSON does to log bytes: records are ASCII where they were escaped once, so a
    /// second escaping at most doubles them.
    @Test("The largest piece of log fits a line, however it is escaped") func fullLog() throws {
        let record =
            #"{"t":1763718061000,"s":"out","m":""# + String(repeating: "\\\\", count: 100)
            + "\"}\n"
        let count = ProtocolLimits.logChunkBytes / record.utf8.count
        let data = String(repeating: record, count: count)
        let line = try LineCodec.encode(
            AgentMessage.log(LogChunk(attempt: token, cursor: .max, data: data)))
        #expect(line.count < ProtocolLimits.lineBytes)
    }

    @Test("The largest hello fits a line") func fullHello() throws {
        let digest = String(repeating: "a", count: 64)
        let hello = AgentHello(
            agentVersion: "1.0.0",
            host: HostReport(
                slots: 1, vcpus: 1, memoryBytes: .max, diskFreeBytes: .max, diskTotalBytes: .max,
                accelerators: [.kvm, .tcg], tags: [],
                baseImages: Array(repeating: digest, count: 1000), unixMilliseconds: .max),
            attempts: Array(
                repeating: AttemptSummary(attempt: token, state: .preparing, logBytes: .max),
                count: ProtocolLimits.attemptsPerHost),
            templates: Array(repeating: digest, count: 1000))
        #expect(try LineCodec.encode(AgentMessage.hello(hello)).count < ProtocolLimits.lineBytes)
    }
}
