import HTTPClientKit
import HTTPTypes
import Support
import Testing
import TestSupport

@Suite("Downloads") struct DownloadTests {
    private let client = HTTPClient()
    private let folder: TemporaryFolder
    private let bytes = pattern(300_000)
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/image"
        try Files.replace(path, with: bytes)
    }

    private func serveFile(_ request: HTTPRequest) -> HTTPResponse {
        .file(
            path, sizeBytes: Int64(bytes.count), type: "application/octet-stream",
            version: FileVersion(
                tag: EntityTag("v1"), modifiedSeconds: 0, isSettled: true), for: request)
    }

    private func withFile(_ body: (String) async throws -> Void) async throws {
        try await withServer({ serveFile($0) }) { base, _ in try await body(base + "/image") }
    }

    @Test("A download resumes at any offset")
    func downloadsAndResumes() async throws {
        try await withFile { url in
            for have in [0, 1, 150_000, 299_999, 300_000] {
                let sink = MemorySink(Array(bytes.prefix(have)))
                let result = try await client.download(
                    DownloadRequest(url: url, offset: Int64(have)), to: sink)
                #expect(sink.bytes == bytes)
                #expect(result.offset == have)
                #expect(result.totalBytes == 300_000)
                #expect(sink.began == (have == 300_000 ? [] : [Int64(have)]))
                #expect(have == 300_000 || sink.total == 300_000)
            }
        }
    }

    @Test("A download starts over if the file changed")
    func beginsAnewWhereTheFileChanged() async throws {
        try await withFile { url in
            let sink = MemorySink([9, 9, 9])
            var request = DownloadRequest(url: url, offset: 3, ifRange: "\"v0\"")
            let result = try await client.download(request, to: sink)
            #expect(result.offset == 0)
            #expect(result.entityTag == "\"v1\"")
            #expect(sink.bytes == bytes)

            request.offset = 300_001
            request.ifRange = nil
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.download(request, to: MemorySink())
            }
            #expect(error?.code == .rangeRefused)
        }
    }

    @Test("A download starts over if the server ignores the range")
    func saysThatAServerIgnoresRanges() async throws {
        let bytes = self.bytes
        try await withServer({ _ in HTTPResponse(body: .bytes(bytes)) }) { base, _ in
            let sink = MemorySink(Array(bytes.prefix(1000)))
            let result = try await client.download(
                DownloadRequest(url: base + "/", offset: 1000), to: sink)
            #expect(result.offset == 0)
            #expect(sink.began == [0])
            #expect(sink.bytes == bytes)
        }
    }

    @Test("A range that was not asked for is refused")
    func refusesAnotherRangeThanAsked() async throws {
        try await withServer({ _ in
            HTTPResponse(
                status: 206, headers: ["Content-Range": "bytes 7-9/10"], body: .bytes([1, 2, 3]))
        }) { base, _ in
            let sink = MemorySink([0, 0])
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.download(DownloadRequest(url: base + "/", offset: 2), to: sink)
            }
            #expect(error?.code == .rangeRefused)
            #expect(sink.bytes == [0, 0])
        }
    }

    @Test("A download larger than its limit is refused, with or without a length")
    func boundsWhatItTakes() async throws {
        try await withFile { url in
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.download(
                    DownloadRequest(url: url, limitBytes: 299_999), to: MemorySink())
            }
            #expect(error?.code == .tooLarge)
        }
        // No length is announced: the limit applies while the bytes arrive.
        let source = TestSource { _ in [UInt8](repeating: 0, count: 10_000) }
        try await withServer({ _ in HTTPResponse(body: .stream(source)) }) { base, _ in
            let sink = MemorySink()
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.download(
                    DownloadRequest(url: base + "/", limitBytes: 50_000), to: sink)
            }
            #expect(error?.code == .tooLarge)
            #expect(sink.bytes.count <= 50_000)
        }
    }

    @Test("A file URL is read only if its scheme is allowed")
    func readsFilesOnlyWhereAllowed() async throws {
        let url = "file://" + path
        var request = DownloadRequest(url: url, offset: 100_000, schemes: [.file])
        let sink = MemorySink(Array(bytes.prefix(100_000)))
        let result = try await client.download(request, to: sink)
        #expect(sink.bytes == bytes)
        #expect(result.totalBytes == 300_000)
        #expect(result.offset == 100_000)

        request.schemes = [.http]
        var error = await #expect(throws: HTTPClientError.self) {
            try await client.download(request, to: MemorySink())
        }
        #expect(error?.code == .protocolForbidden)
        #expect(error?.isPermanent == true)

        request = DownloadRequest(url: url + ".none", schemes: [.file])
        error = await #expect(throws: HTTPClientError.self) {
            try await client.download(request, to: MemorySink())
        }
        #expect(error?.code == .fileUnreadable)
    }

    @Test("Redirects are followed, but not in circles and not to files")
    func followsRedirectsButNotInCirclesNorToFiles() async throws {
        let path = self.path
        try await withServer({ request in
            let target =
                switch request.path {
                case "/once": "/image"
                case "/file": "file://" + path
                default: "/loop"
                }
            if request.path == "/image" { return serveFile(request) }
            return HTTPResponse(status: 302, headers: ["Location": target])
        }) { base, _ in
            let sink = MemorySink()
            var request = DownloadRequest(url: base + "/once", schemes: [.http, .file])
            _ = try await client.download(request, to: sink)
            #expect(sink.bytes == bytes)
            for (path, kind) in [
                ("/loop", HTTPClientError.Code.tooManyRedirects), ("/file", .protocolForbidden),
            ] {
                request.url = base + path
                let error = await #expect(throws: HTTPClientError.self) {
                    try await client.download(request, to: MemorySink())
                }
                #expect(error?.code == kind)
                #expect(error?.isPermanent == true)
            }
        }
    }

    @Test("An error of the sink ends the download and is its cause")
    func failsOfTheSinkEndTheDownload() async throws {
        try await withFile { url in
            // Claims to have bytes that it does not have.
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.download(
                    DownloadRequest(url: url), to: FullDisk())
            }
            #expect(error?.code == .receiver)
            #expect((error?.cause as? SystemError)?.isDiskFull == true)
            #expect(error?.isPermanent == false)
        }
    }

    private struct FullDisk: DownloadSink {
        func begin(offset: Int64, totalBytes: Int64?) throws {}
        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
            throw SystemError(errno: 28, "cannot write")
        }
    }
}
