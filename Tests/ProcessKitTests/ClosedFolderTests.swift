import Glibc
import Support
import TestSupport
import Testing

/// Paths that another user may not look at.
struct ClosedFolderTests {
    /// Runs `body` with the file rights of nobody, which the kernel keeps for each thread.
    private func asNobody<R: Sendable>(_ body: @escaping @Sendable () -> R) async throws -> R {
        let symbol = try #require(dlsym(nil, "setfsuid"))
        let address = UInt(bitPattern: symbol)
        return try await OwnThread.run {
            typealias SetUser = @convention(c) (UInt32) -> Int32
            let symbol = UnsafeRawPointer(bitPattern: address)
            _ = unsafeBitCast(symbol, to: SetUser.self)(65534)
            return body()
        }
    }

    @Test("A folder that may not be entered is told from a path that does not exist")
    func closedIsNotMissing() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        try Files.makeFolder(path + "/shut/inner")
        #expect(chmod(path, 0o755) == 0 && chmod(path + "/shut", 0o700) == 0)
        let found = try await asNobody {
            ["/shut/inner", "/shut/no/such/file", "/none", "/shut", ""].map {
                Files.closedFolder(above: path + $0)
            }
        }
        #expect(found == [path + "/shut", path + "/shut", nil, nil, nil])
    }
}
