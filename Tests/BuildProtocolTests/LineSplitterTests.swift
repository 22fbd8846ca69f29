import BuildProtocol
import Testing

@Suite struct LineSplitterTests {
    private let stream = Array("one\n\ntwo \u{E9}\u{1F600}\nthree\r\nrest".utf8)
    private let lines = ["one", "", "two \u{E9}\u{1F600}", "three\r"]

    @Test func linesAreTheSameWhereverTheStreamIsCut() throws {
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

    @Test func byteByByte() throws {
        var splitter = LineSplitter()
        let found = try stream.flatMap { try splitter.push([$0]) }
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == lines)
    }

    @Test func aLineOfExactlyTheLimitPasses() throws {
        var splitter = LineSplitter(limitBytes: 8)
        #expect(try splitter.push(Array("12345678\n1234567".utf8)) == [Array("12345678".utf8)])
        #expect(try splitter.push(Array("8\n".utf8)) == [Array("12345678".utf8)])
    }

    @Test(arguments: ["123456789\n", "123456789", "1\n123456789\n", "1\n123456789"])
    func aLongerLineEndsTheStream(_ text: String) {
        var splitter = LineSplitter(limitBytes: 8)
        #expect(throws: ProtocolError.tooLong) { try splitter.push(Array(text.utf8)) }
    }

    @Test func aLongerLineInPiecesEndsTheStreamBeforeItIsHeld() throws {
        var splitter = LineSplitter(limitBytes: 1000)
        #expect(try splitter.push(Array(repeating: 0x61, count: 600)).isEmpty)
        #expect(throws: ProtocolError.tooLong) {
            try splitter.push(Array(repeating: 0x61, count: 600))
        }
    }

    @Test func manyLinesInOnePieceMayBeLongTogether() throws {
        var splitter = LineSplitter(limitBytes: 8)
        let found = try splitter.push(Array(String(repeating: "1234567\n", count: 1000).utf8))
        #expect(found.count == 1000)
    }
}
