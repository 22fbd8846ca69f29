import BuildProtocol
import CoordinatorAdapters
import Support
import TestSupport
import Testing

/// Logs as files, and what crashes and full disks leave in them.
struct LogStoreTests {
    private let temporary: TemporaryFolder
    private let logs: FileLogStore
    private let token = AttemptToken(high: 3, low: 4)

    init() throws {
        temporary = try TemporaryFolder()
        logs = try FileLogStore(folder: temporary.path)
    }

    private func text() async throws -> String {
        String(decoding: try await logs.read(token, from: 0, limit: 1 << 20), as: UTF8.self)
    }

    /// Killed within a write: an agent goes on only from the beginning of a line, so a cursor
    /// within one would be asked for without end.
    @Test(arguments: ["two\nthr", "two\n", "two", ""])
    func aPartOfALineIsCutAndComesAgain(_ kept: String) async throws {
        _ = try await logs.append(token, at: 0, Array("one\n".utf8))
        let path = logs.path(token)
        try Files.replace(path, with: Array("one\n\(kept)".utf8))
        let size = try await logs.sizeBytes(token)
        let whole = kept.hasPrefix("two\n") ? "two\n" : ""
        #expect(size == Int64(4 + whole.utf8.count))
        #expect(try await text() == "one\n" + whole)
        let rest = Array("one\ntwo\nthree\n".utf8.dropFirst(Int(size)))
        #expect(try await logs.append(token, at: size, rest) == 14)
        #expect(try await text() == "one\ntwo\nthree\n")
    }

    /// The next piece may come before anybody asked for the size.
    @Test func aPartOfALineIsCutBeforeAnAppend() async throws {
        _ = try await logs.append(token, at: 0, Array("one\n".utf8))
        try Files.replace(logs.path(token), with: Array("one\ntw".utf8))
        #expect(try await logs.append(token, at: 4, Array("two\n".utf8)) == 8)
        #expect(try await text() == "one\ntwo\n")
    }

    /// What a power cut leaves need not be a part of what was written.
    @Test func whatIsNoLineIsCutBeforeAnAppend() async throws {
        _ = try await logs.append(token, at: 0, Array("one\n".utf8))
        try Files.replace(logs.path(token), with: Array("one\n".utf8) + [0, 0, 0])
        #expect(try await logs.append(token, at: 4, Array("two\n".utf8)) == 8)
        #expect(try await text() == "one\ntwo\n")
    }

    @Test func whatComesTooEarlyIsNotStored() async throws {
        _ = try await logs.append(token, at: 0, Array("one\n".utf8))
        #expect(try await logs.append(token, at: 8, Array("three\n".utf8)) == 4)
        #expect(try await text() == "one\n")
    }

    @Test func aLongPartOfALineIsCut() async throws {
        let part = [UInt8](repeating: 0x78, count: 300_000)
        try Files.makeFolder(Files.folder(of: logs.path(token)))
        try Files.replace(logs.path(token), with: Array("one\n".utf8) + part)
        #expect(try await logs.sizeBytes(token) == 4)
        try Files.replace(logs.path(token), with: part)
        #expect(try await logs.sizeBytes(token) == 0)
    }
}
