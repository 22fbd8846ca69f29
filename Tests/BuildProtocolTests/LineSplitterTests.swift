import BuildProtocol
import Testing

@Suite struct LineSplitterTests {
    private let stream = Array("one\n\ntwo \u{E9}\u{1F600}\nthree\r\nrest".utf8)
    private let lines = ["one", "", "two \u{E9}\u{1F600}", "three\r"]

    @Test("The lines are the same wherever the stream is cut") func cuts() throws {
        for cut in 0...stream.count {
            for second in cut...stream.count {
                var splitter = LineSplitter()
                var found: [[UInt8]] = []
                found += try splitter.push(stream[..<cut])
                found += try splitter.push(stream[cut..<second])
                found += try splitter.push(stream[second...])
                #expect(
                    found.map { String(decoding: $0, as: UTF8.self) } == lines, "\(cut) \(second)")
                #expect(splitter.rest == Array("rest".utf8))
            }
        }
    }

    @Test("The lines are the same when bytes come one by one") func byteByByte() throws {
        var splitter = LineSplitter()
        let found = try stream.flatMap { try splitter.push([$0]) }
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == lines)
    }

    @Test("A line of exactly the limit passes") func limit() throws {
        var splitter = LineSplitter(limitBytes: 8)
        #expect(try splitter.push(Array("12345678\n1234567".utf8)) == [Array("12345678".utf8)])
        #expect(try splitter.push(Array("8\n".utf8)) == [Array("12345678".utf8)])
    }

    @Test(
        "A line beyond the limit ends the stream",
        arguments: ["123456789\n", "123456789", "1\n123456789\n", "1\n123456789"])
    func tooLong(_ text: String) {
        var splitter = LineSplitter(limitBytes: 8)
        #expect(throws: ProtocolError.tooLong) { try splitter.push(Array(text.utf8)) }
    }

    @Test("A line beyond the limit is not collected first") func tooLongInPieces() throws {
        var splitter = LineSplitter(limitBytes: 1000)
        #expect(try splitter.push(Array(repeating: 0x61, count: 600)).isEmpty)
        #expect(throws: ProtocolError.tooLong) {
            try splitter.push(Array(repeating: 0x61, count: 600))
        }
    }

    @Test("The limit is for each line, not for all that come at once") func manyLines() throws {
        var splitter = LineSplitter(limitBytes: 8)
        let found = try splitter.push(Array(String(repeating: "1234567\n", count: 1000).utf8))
        #expect(found.count == 1000)
    }
}
