import HTTPTypes
import Testing

/// References as servers write them into `Location` and `Link`.
@Suite struct WebAddressTests {
    /// The base and the results of RFC 3986, section 5.4.
    @Test(
        "A reference is resolved as RFC 3986 says",
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"), ("//g", "http://g"), ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"), ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"), ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"),
            ("..", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"),
            ("../../../g", "http://a/g"), ("/./g", "http://a/g"), ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."), ("..g", "http://a/b/c/..g"), ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"), ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("HTTPS://A:443/x", "https://a/x"), ("http://b:8080?z", "http://b:8080?z"),
        ])
    func referencesResolve(_ reference: String, _ expected: String) throws {
        let base = try #require(WebAddress("http://a/b/c/d;p?q"))
        #expect(base.resolving(reference)?.description == expected)
    }

    @Test(
        "A reference that leads out of the web, or names a user, is none",
        arguments: ["ftp://a/b", "mailto:a@b", "http://u:p@a/", "//u@a/", "http:", "http://a:0/"])
    func foreignReferences(_ reference: String) throws {
        #expect(try #require(WebAddress("http://a/b")).resolving(reference) == nil)
    }

    @Test("The same server written differently is one origin")
    func originsAreNormalized() throws {
        let written = [
            "https://Registry.X", "https://registry.x:443/v2/", "HTTPS://registry.x.:443",
        ]
        let origins = try written.map { try #require(WebAddress($0)).origin }
        #expect(Set(origins).count == 1)
        #expect(origins[0].description == "https://registry.x")
        for other in ["http://registry.x", "https://registry.x:444", "https://registry.y"] {
            #expect(try #require(WebAddress(other)).origin != origins[0])
        }
    }
}
