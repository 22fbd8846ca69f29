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
            ("bytes=-30", part(0, 10)), ("Bytes= 2-3 ", part(2, 2)), ("bytes=, 2-3 ,", part(2, 2)),
            ("bytes=0-99999999999999999999", part(0, 10)),
            ("bytes=10-", .unsatisfiable), ("bytes=10-12", .unsatisfiable),
            ("bytes=-0", .unsatisfiable), ("bytes=99999999999999999999-", .unsatisfiable),
            ("bytes=", .whole), ("bytes=-", .whole), ("bytes=3-2", .whole),
            ("bytes=0-1,3-4", .whole), ("bytes=2 - 3", .whole), ("bytes=2- 3", .whole),
            ("bytes=+1-2", .whole), ("bytes=a-b", .whole), ("bytes=1-2-3", .whole),
            ("lines=0-1", .whole), ("0-1", .whole),
        ])
    func parses(header: String, outcome: ByteRange.Outcome) {
        #expect(ByteRange.parse(header, sizeBytes: 10) == outcome)
    }

    @Test("An empty file has no range")
    func anEmptyFileHasNoRange() {
        #expect(ByteRange.parse("bytes=0-", sizeBytes: 0) == .unsatisfiable)
        // Satisfiable, says the RFC; there is no Content-Range for it.
        #expect(ByteRange.parse("bytes=-1", sizeBytes: 0) == .whole)
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

    private func file(
        _ headers: HTTPHeaders, method: String = "GET", isSettled: Bool = true
    ) throws -> HTTPResponse {
        let request = try HTTPRequest(method: method, target: "/f", headers: headers)
        return .file(
            "/f", sizeBytes: 10, type: "t/t",
            version: FileVersion(
                tag: EntityTag("v1"), modifiedSeconds: 784_111_777, isSettled: isSettled),
            for: request)
    }

    private static let modified = "Sun, 06 Nov 1994 08:49:37 GMT"

    @Test(
        "Conditions are evaluated in the order of RFC 9110",
        arguments: [
            (["If-Modified-Since": modified], 304),
            (["If-Modified-Since": "Sun, 06 Nov 1994 08:49:38 GMT"], 304),
            (["If-Modified-Since": "Sun, 06 Nov 1994 08:49:36 GMT"], 200),
            (["If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT"], 304),
            (["If-Modified-Since": "Sun Nov  6 08:49:37 1994"], 304),
            (["If-Modified-Since": "yesterday"], 200),
            (["If-None-Match": "\"v2\"", "If-Modified-Since": modified], 200),
            (["If-Match": "\"v2\", \"v1\""], 200), (["If-Match": "*"], 200),
            (["If-Match": "W/\"v1\""], 412), (["If-Match": "\"v2\""], 412),
            (["If-Unmodified-Since": modified], 200),
            (["If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:36 GMT"], 412),
            (["If-Match": "\"v1\"", "If-Unmodified-Since": "Sun, 06 Nov 1994 08:00:00 GMT"], 200),
            (["If-Match": "\"v2\"", "Range": "bytes=4-"], 412),
            (["Range": "bytes=4-", "If-Range": modified], 206),
            (["Range": "bytes=4-", "If-Range": "Sun, 06 Nov 1994 08:49:38 GMT"], 200),
            (["Range": "bytes=10-", "If-Range": "\"v0\""], 200),
        ] as [(HTTPHeaders, Int)])
    func conditions(headers: HTTPHeaders, status: Int) throws {
        let answer = try file(headers)
        #expect(answer.status == status)
        if status < 400 {
            #expect(answer.headers["Last-Modified"] == Self.modified)
            #expect(answer.headers["ETag"] == "\"v1\"")
        }
    }

    @Test("The time of a file that may still change does not prove equal bytes")
    func unsettled() throws {
        let headers: HTTPHeaders = ["Range": "bytes=4-", "If-Range": Self.modified]
        let answer = try file(headers, isSettled: false)
        #expect(answer.status == 200)
        // Nor is it given to a client, which would send it later.
        #expect(answer.headers["Last-Modified"] == nil)
        #expect(try file(["If-Modified-Since": Self.modified], isSettled: false).status == 200)
    }

    @Test(
        "Times are written as RFC 9110 says and read in its three formats",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, modified),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, text: String) {
        #expect(HTTPDate.text(seconds) == text)
        #expect(HTTPDate.parse(text) == seconds)
    }

    @Test(
        "What is no time is not read as one",
        arguments: [
            "", "0", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        ])
    func noDates(text: String) { #expect(HTTPDate.parse(text) == nil) }

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
