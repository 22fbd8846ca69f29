import Glibc
import Support
import TestSupport
import Testing

/// Keys that a program creates at its first start.
struct KeyFileTests {
    @Test("Programs that start at once find one key, which only their user can read")
    func oneKey() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/key"
        let keys = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try KeyFile.createIfMissing(path)
                    return try Files.read(path, limitBytes: 100)
                }
            }
            return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        #expect(keys.count == 1 && keys.first?.count == 65)
        var info = stat()
        #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o600)
        #expect(try Files.list(folder.path) == ["key"])
    }

    @Test("What has the name of a key is neither followed nor replaced")
    func plantedLink() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/key"
        let target = folder.path + "/elsewhere"
        symlink(target, path)
        #expect(try !Files.create(path, with: [1], mode: 0o600))
        try KeyFile.createIfMissing(path)
        #expect(!Files.exists(target))
        #expect(Links.target(path) == target)
        #expect(try Files.list(folder.path) == ["key"])
    }
}
