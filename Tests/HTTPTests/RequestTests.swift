import HTTPTypes
import Testing

@Suite("Requests") struct RequestTests {
    @Test(
        "A target is decoded into path and segments",
        arguments: [
            ("/", "/", []),
            ("/a/b", "/a/b", ["a", "b"]),
            ("/a/", "/a/", ["a"]),
            ("/a%20b/%C3%BC?x=1", "/a b/ü", ["a b", "ü"]),
            ("http://host:1/p?q", "/p", ["p"]),
            ("http://host", "/", []),
            ("HTTP://host?x", "/", []),
            ("/a:1/..b/...", "/a:1/..b/...", ["a:1", "..b", "..."]),
        ])
    func decodesPaths(target: String, path: String, segments: [String]) throws {
        let request = try HTTPRequest(method: "GET", target: target)
        #expect(request.path == path)
        #expect(request.segments == segments)
    }

    @Test(
        "An ambiguous or malformed target is refused",
        arguments: [
            "", "*", "a", "/..", "/a/../b", "/%2e%2E/x", "/./a", "/a%00b", "/a%2fb", "/%", "/%1",
            "/..%2F%CC%81x", "/a%2F%CC%81",
            "/%zz", "/%ff", "/a%0ab", "/?x=%", "/?%ff", "http://host/../a",
        ])
    func refuses(target: String) {
        let problem = #expect(throws: Problem.self) {
            try HTTPRequest(method: "GET", target: target)
        }
        #expect(problem?.status == 400)
    }

    @Test(
        "Doubled slashes are redirected to single ones, on the same server",
        arguments: [
            ("//images/build/", "/images/build/"), ("/images//a%20b?x=//", "/images/a%20b?x=//"),
            ("//evil.example.org//x", "/evil.example.org/x"), ("///", "/"),
            ("http://host//a//b", "/a/b"),
        ])
    func redirectsDoubledSlashes(target: String, place: String) {
        let problem = #expect(throws: Problem.self) {
            try HTTPRequest(method: "GET", target: target)
        }
        #expect(problem?.status == 301 && problem?.headers["Location"] == place)
        let refusal = #expect(throws: Problem.self) {
            try HTTPRequest(method: "POST", target: target)
        }
        #expect(refusal?.status == 400)
    }

    @Test("A query is decoded, repeated fields included")
    func decodesQueries() throws {
        let query = try HTTPQuery(decoding: "a=1&b=x+y%26&a=2&flag&empty=&=v&c=d=e")
        #expect(query["a"] == "1")
        #expect(query.all("a") == ["1", "2"])
        #expect(query["b"] == "x y&")
        #expect(query["flag"] == "")
        #expect(query["c"] == "d=e")
        #expect(query["none"] == nil)
    }

    @Test("A query of too many fields is refused")
    func refusesEndlessQueries() {
        let text = Array(repeating: "a=1", count: 257).joined(separator: "&")
        #expect(throws: Problem.self) { try HTTPQuery(decoding: text) }
    }

    @Test("Header names ignore the case of letters, and of letters only")
    func headersIgnoreCase() {
        var headers: HTTPHeaders = ["Content-Type": "a", "X-A": "1", "x-a": "2"]
        #expect(headers["content-TYPE"] == "a")
        #expect(headers.all("X-a") == ["1", "2"])
        headers.set("x-A", "3")
        #expect(headers.all("x-a") == ["3"])
        #expect(headers["Content-Typ"] == nil)
        // "{" and "[" differ in one bit only, like upper and lower case letters.
        #expect(HTTPHeaders(dictionaryLiteral: ("a{", "1"))["a["] == nil)
    }
}
