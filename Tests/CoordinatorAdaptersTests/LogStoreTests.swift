import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import TestSupport
import Testing

/// The log stores that pass the same suite.
enum LogStoreKind: CaseIterable {
    case memory, files

    func with(_ body: (any LogStore) async throws -> Void) async throws {
        switch self {
        case .memory: try await body(InMemoryLogStore { SHA256.hex($0) })
        case .files:
            let folder = try TemporaryFolder()
            try await body(FileLogStore(folder: folder.path))
        }
    }
}

/// The behaviour of every log store, including after crashes and full disks.
struct LogStoreTests {
    private let token = AttemptToken(high: 3, low: 4)
    private let other = AttemptToken(high: 3, low: 5)

    private func text(_ logs: any LogStore) async throws -> String {
        String(decoding: try await logs.read(token, from: 0, limit: 1 << 20), as: UTF8.self)
    }

    /// Runs `body` on a store whose log of `token` begins with this text.
    private func with(
        _ kind: LogStoreKind, _ text: String, _ body: (any LogStore) async throws -> Void
    ) async throws {
        try await kind.with { logs in
            _ = try await logs.append(token, at: 0, Array(text.utf8))
            try await body(logs)
        }
    }

    /// A killed coordinator, a full disk or a power failure leaves a partial line. An agent
    /// continues only from the start of a line, so a cursor within one would be requested forever.
    @Test(
        "An incomplete line is cut off and is accepted again", arguments: LogStoreKind.allCases,
        ["two\nthr", "two\n", "two", "", "\0\0\0", String(repeating: "x", count: 300_000)])
    func incompleteLine(_ kind: LogStoreKind, _ left: String) async throws {
        try await with(kind, "one\n") { logs in
            _ = try await logs.append(token, at: 4, Array(left.utf8))
            let size = try await logs.sizeBytes(token)
            let whole = left.hasPrefix("two\n") ? "two\n" : ""
            #expect(size == Int64(4 + whole.utf8.count))
            #expect(try await text(logs) == "one\n" + whole)
            let rest = Array("one\ntwo\nthree\n".utf8.dropFirst(Int(size)))
            #expect(try await logs.append(token, at: size, rest) == 14)
            #expect(try await text(logs) == "one\ntwo\nthree\n")
        }
    }

    @Test(
        "An incomplete line is cut off before an append", arguments: LogStoreKind.allCases,
        ["tw", "\0\0\0"])
    func incompleteLineBeforeAppend(_ kind: LogStoreKind, _ left: String) async throws {
        try await with(kind, "one\n\(left)") { (logs) async throws in
            #expect(try await logs.append(token, at: 4, Array("two\n".utf8)) == 8)
            #expect(try await text(logs) == "one\ntwo\n")
        }
    }

    @Test("A log that begins with an incomplete line is empty", arguments: LogStoreKind.allCases)
    func onlyAnIncompleteLine(_ kind: LogStoreKind) async throws {
        try await with(kind, "on") { (logs) async throws in
            #expect(try await logs.sizeBytes(token) == 0)
            #expect(try await text(logs).isEmpty)
        }
    }

    @Test("Bytes after a gap are not stored", arguments: LogStoreKind.allCases)
    func gap(_ kind: LogStoreKind) async throws {
        try await with(kind, "one\n") { (logs) async throws in
            #expect(try await logs.append(token, at: 8, Array("three\n".utf8)) == 4)
            #expect(try await text(logs) == "one\n")
        }
    }

    @Test("Bytes that are stored already are skipped", arguments: LogStoreKind.allCases)
    func repeatedBytes(_ kind: LogStoreKind) async throws {
        try await kind.with { logs in
            let lines = Array("one\ntwo\nthree\n".utf8)
            _ = try await logs.append(token, at: 0, Array(lines.prefix(8)))
            #expect(try await logs.append(token, at: 0, Array(lines.prefix(4))) == 8)
            #expect(try await logs.append(token, at: 4, Array(lines.dropFirst(4))) == 14)
            #expect(try await text(logs) == "one\ntwo\nthree\n")
        }
    }

    @Test("A log is read in pieces, to its end", arguments: LogStoreKind.allCases)
    func pieces(_ kind: LogStoreKind) async throws {
        try await kind.with { logs in
            #expect(try await logs.read(token, from: 0, limit: 9).isEmpty)
            #expect(try await logs.sizeBytes(token) == 0)
            _ = try await logs.append(token, at: 0, Array("one\ntwo\n".utf8))
            #expect(try await logs.read(token, from: 0, limit: 5) == Array("one\nt".utf8))
            #expect(try await logs.read(token, from: 5, limit: 50) == Array("wo\n".utf8))
            for cursor in [8, 9, .max, -1] as [Int64] {
                #expect(try await logs.read(token, from: cursor, limit: 5).isEmpty)
            }
            #expect(try await logs.read(other, from: 0, limit: 9).isEmpty)
        }
    }

    @Test("A seal returns the digest of the log", arguments: LogStoreKind.allCases)
    func seal(_ kind: LogStoreKind) async throws {
        try await kind.with { logs in
            #expect(try await logs.seal(token) == SHA256.hex([]))
            _ = try await logs.append(token, at: 0, Array("one\n".utf8))
            for _ in 1...2 {
                #expect(try await logs.seal(token) == SHA256.hex("one\n".utf8))
            }
        }
    }

    @Test("Evidence is replaced, and removed with its log", arguments: LogStoreKind.allCases)
    func evidence(_ kind: LogStoreKind) async throws {
        try await kind.with { logs in
            #expect(try await logs.evidence(of: token) == nil)
            let png = [UInt8](repeating: 7, count: ProtocolLimits.screenshotBytes)
            for tail in ["first", "second \u{0}\u{1B}\u{2028}"] {
                let evidence = GuestEvidence(
                    status: "paused", notes: ["n"], serialTail: tail, screenshotPNG: png)
                try await logs.keep(evidence, of: token)
                #expect(try await logs.evidence(of: token) == evidence)
            }
            #expect(try await logs.evidence(of: other) == nil)
            #expect(try await logs.append(token, at: 0, Array("{}\n".utf8)) == 3)
            for _ in 1...2 { try await logs.reset(token) }
            #expect(try await logs.evidence(of: token) == nil)
            #expect(try await logs.sizeBytes(token) == 0)
        }
    }

    @Test("Files outlive the store that wrote them, without temporary ones")
    func durableFiles() async throws {
        let folder = try TemporaryFolder()
        let logs = try FileLogStore(folder: folder.path + "/logs")
        try await logs.keep(GuestEvidence(serialTail: "the end"), of: token)
        _ = try await logs.append(token, at: 0, Array("one\n".utf8))
        let again = try FileLogStore(folder: folder.path + "/logs")
        #expect(try await again.evidence(of: token)?.serialTail == "the end")
        #expect(try await text(again) == "one\n")
        #expect(
            try Files.list(folder.path + "/logs/00").sorted() == [
                "\(token).evidence.json", "\(token).ndjson",
            ])
        try await again.reset(token)
        #expect(try Files.list(folder.path + "/logs/00").isEmpty)
    }
}
