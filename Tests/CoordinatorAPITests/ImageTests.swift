import CoordinatorAPI
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// The web root as mirrors and download programs read it.
@Suite("Images") struct ImageTests {
    private let folder: TemporaryFolder
    private let api: API
    private static let path = "/images/build/d/d_1.raw"
    private static let modified = "Sun, 06 Nov 1994 08:49:37 GMT"

    init() async throws {
        folder = try TemporaryFolder()
        api = try await API.leading(webRoot: folder.path)
        let file = folder.path + Self.path
        try Files.makeFolder(Files.folder(of: file))
        try Files.replace(file, with: Array("0123456789".utf8))
    }

    /// As `touch --date`.
    private func date(_ date: String) async throws {
        let done = try await Command(
            ["touch", "--date", date, folder.path + Self.path],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(done.status.isSuccess, "\(done.stderrText)")
    }

    private func get(_ headers: HTTPHeaders = [:]) async throws -> Answer {
        try await api.ask("GET", Self.path, headers: headers, isStranger: true)
    }

    @Test("An image has a time and a tag, by which it is not sent twice, and resumed")
    func timeAndTag() async throws {
        try await date("1994-11-06 08:49:37 UTC")
        let whole = try await get()
        #expect(whole.status == 200)
        #expect(whole.headers["Last-Modified"] == Self.modified)
        let tag = try #require(whole.headers["ETag"])
        #expect(try await get(["If-Modified-Since": Self.modified]).status == 304)
        #expect(try await get(["If-None-Match": tag]).status == 304)
        for proof in [tag, Self.modified] {
            let part = try await get(["Range": "bytes=4-", "If-Range": proof])
            #expect(part.status == 206 && part.headers["Content-Range"] == "bytes 4-9/10")
        }
        // Another image under this name.
        try await date("1994-11-06 08:49:38 UTC")
        #expect(try await get(["If-None-Match": tag]).status == 200)
        #expect(try await get(["If-Modified-Since": Self.modified]).status == 200)
        #expect(try await get(["Range": "bytes=4-", "If-Range": tag]).status == 200)
        #expect(try await get(["Range": "bytes=4-", "If-Range": Self.modified]).status == 200)
    }

    @Test("A file that may change within the second has a tag alone") func unsettled() async throws
    {
        try await date("1 minute")
        let answer = try await get()
        #expect(answer.status == 200)
        #expect(answer.headers["Last-Modified"] == nil && answer.headers["ETag"] != nil)
    }
}
