import HTTPTypes
import Testing

@Suite("Ranges and tags") struct RangeTests {
    private static func part(_ offset: Int64, _ length: Int64) -> ByteRange.Outcome {
        .part(ByteRange(offset: offset, lengthBytes: length))
    }

    @Test(
        "A Range header is read as RFC 9110 says",
        arguments: [
            ("bytes=0-0", part(0, 1)), ("bytes=0-9", part(0, 10)), ("bytes=0-99", part(0, 10)),
            ("bytes=5-", part(5, 5)), ("bytes=9-9", part(9, 1)), ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)), ("Bytes= 2 - 3 ", part(2, 2)),
            ("bytes=0-99999999999999999999", part(0, 10)),
            ("bytes=10-", .unsatisfiable), ("bytes=10-12", .unsatisfiable),
            ("bytes=-0", .unsatisfiable), ("bytes=99999999999999999999-", .unsatisfiable),
            ("bytes=", .whole), ("bytes=-", .whole), ("bytes=3-2", .whole),
            ("bytes=0-1,3-4", .whole),
            ("bytes=+1-2", .whole), ("bytes=a-b", .whole), ("bytes=1-2-3", .whole),
            ("lines=0-1", .whole), ("0-1", .whole),
        ])
    func parses(header: String, outcome: ByteRange.Outcome) {
        #expect(ByteRange.parse(header, sizeBytes: 10) == outcome)
    }

    @Test("An empty file has no range")
    func anEmptyFileHasNoRange() {
        #expect(ByteRange.parse("bytes=0-", sizeBytes: 0) == .unsatisfiable)
        #expect(ByteRange.parse("bytes=-1", sizeBytes: 0) == .unsatisfiable)
        #expect(ByteRange.parse(nil, sizeBytes: 0) == .whole)
    }

    @Test("Entity tags are compared weakly and strongly")
    func comparesTags() {
        let tag = EntityTag("a b\"\r\nc")
        #expect(tag.description == "\"abc\"")
        #expect(tag.matchesWeakly(listed: "\"x\", W/\"abc\" "))
        #expect(tag.matchesWeakly(listed: "*"))
        #expect(!tag.matchesWeakly(listed: "abc"))
        #expect(tag.matchesStrongly("\"abc\""))
        #expect(!tag.matchesStrongly("W/\"abc\""))
        #expect(!tag.matchesStrongly("Sun, 06 Nov 1994 08:49:37 GMT"))
    }

    private func file(_ headers: HTTPHeaders, method: String = "GET") throws -> HTTPResponse {
        let request = try HTTPRequest(method: method, target: "/f", headers: headers)
        return .file("/f", sizeBytes: 10, type: "t/t", tag: EntityTag("v1"), for: request)
    }

    @Test("Range, If-Range and If-None-Match decide the status")
    func answersConditions() throws {
        #expect(try file([:]).status == 200)
        #expect(try file(["If-None-Match": "\"v1\""]).status == 304)
        #expect(try file(["If-None-Match": "\"v2\""]).status == 200)
        let part = try file(["Range": "bytes=4-"])
        #expect(part.status == 206)
        #expect(part.headers["Content-Range"] == "bytes 4-9/10")
        #expect(try file(["Range": "bytes=4-", "If-Range": "\"v1\""]).status == 206)
        #expect(try file(["Range": "bytes=4-", "If-Range": "\"v0\""]).status == 200)
        let beyond = try file(["Range": "bytes=10-"])
        #expect(beyond.status == 416)
        #expect(beyond.headers["Content-Range"] == "bytes */10")
        #expect(try file(["Range": "bytes=4-"], method: "HEAD").status == 200)
    }
}
