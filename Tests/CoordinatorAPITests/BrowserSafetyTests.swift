import CoordinatorAPI
import HTTPTypes
import Support
import TestSupport
import Testing

/// What templates, guests and agents wrote, in a browser that opens it.
@Suite("Browser safety") struct BrowserSafetyTests {
    @Test("Only the farm's own pages may run scripts, and only its own")
    func onlyOwnPagesRun() async throws {
        let folder = try TemporaryFolder()
        let place = folder.path + "/images/build/debian"
        try Files.makeFolder(place)
        for name in ["x.html", "x.js", "x.svg", "x.json", "x.log.ndjson", "SHA256SUMS"] {
            try Files.replace("\(place)/\(name)", with: Array("<script>1</script>".utf8))
        }
        let api = try await API.leading(webRoot: folder.path)
        let names = try Files.list(place)
        for target in names.map({ "/images/build/debian/\($0)" }) + [
            "/api/v1/builds", "/api/v1/builds/none/log", "/v1/guestos?name=x", "/healthz",
            "/nowhere/<script>", "/api/v1/hosts",
        ] {
            let answer = try await api.ask("GET", target)
            #expect(answer.headers["X-Content-Type-Options"] == "nosniff", "\(target)")
            #expect(answer.headers["Content-Security-Policy"] == "sandbox", "\(target)")
            let type = answer.headers["Content-Type"] ?? ""
            #expect(!type.contains("html") && !type.contains("javascript"), "\(target)")
        }
        for target in ["/", "/releases", "/images/build/debian/"] {
            let answer = try await api.ask("GET", target)
            #expect(answer.headers["X-Content-Type-Options"] == "nosniff", "\(target)")
            let policy = answer.headers["Content-Security-Policy"] ?? ""
            #expect(policy.hasPrefix("default-src 'none'; script-src 'self'"), "\(target)")
        }
    }

    @Test("Images are for everybody, the logs beside them for those who may use the API")
    func logsNeedTheToken() async throws {
        let folder = try TemporaryFolder()
        let place = folder.path + "/images/release/debian"
        try Files.makeFolder(place)
        for name in ["d_1.qcow2", "d_1.log.ndjson", "d_1.build.json"] {
            try Files.replace("\(place)/\(name)", with: [1])
        }
        let api = try await API.leading(webRoot: folder.path)
        for (name, status) in [
            ("d_1.qcow2", 200), ("d_1.build.json", 401), ("d_1.log.ndjson", 401),
            ("d_1.log%2endjson", 401),
        ] {
            let target = "/images/release/debian/\(name)"
            #expect(try await api.ask("GET", target, isStranger: true).status == status, "\(name)")
            #expect(try await api.ask("GET", target).status == 200)
        }
    }
}
