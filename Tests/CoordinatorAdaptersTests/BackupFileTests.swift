@testable import CoordinatorAdapters
import Glibc
import SQLKit
import Support
import TestSupport
import Testing

/// Which files a backup has, and which numbers are taken after a restore.
@Suite struct BackupFileTests {
    private func write(_ path: String, _ text: String) throws {
        try Files.makeFolder(Files.folder(of: path))
        try Files.replace(path, with: Array(text.utf8))
    }

    @Test("What comes, grows or goes between the two passes is in the backup")
    func changesBetweenPasses() throws {
        let folder = try TemporaryFolder()
        let (source, target) = (folder.path + "/state", folder.path + "/backup")
        try write(source + "/logs/aa/grows.ndjson", "one\n")
        try write(source + "/logs/aa/goes.ndjson", "gone\n")
        try write(source + "/templates/.a.part", "a transfer")
        try write(source + "/templates/git/mirror", "of Git")
        try write(source + "/profiles.json", "seen")
        var harvest = FileHarvest(
            from: source, to: target, user: FarmUser(ownerOf: folder.path))
        try harvest.begin()
        // The database is copied here.
        try write(source + "/logs/aa/grows.ndjson", "one\ntwo\n")
        try Files.remove(source + "/logs/aa/goes.ndjson")
        try write(source + "/templates/comes.tar", "template")
        try write(source + "/profiles.json", "seen more")
        try harvest.end()
        let expected = [
            "logs/aa/goes.ndjson": "gone\n", "logs/aa/grows.ndjson": "one\ntwo\n",
            "profiles.json": "seen", "templates/comes.tar": "template",
        ]
        #expect(harvest.files.map(\.path) == expected.keys.sorted())
        for file in harvest.files {
            let bytes = try Files.read("\(target)/\(file.path)", limitBytes: 100)
            #expect(String(decoding: bytes, as: UTF8.self) == expected[file.path])
            #expect(file.sizeBytes == Int64(bytes.count) && file.sha256 == SHA256.hex(bytes))
        }
    }

    @Test("Folders that are links are in the backup, and a link to nothing ends it")
    func linkedFolders() throws {
        let folder = try TemporaryFolder()
        let source = folder.path + "/state"
        try write(folder.path + "/data/logs/aa/log.ndjson", "log\n")
        try write(folder.path + "/data/logs/aa/other/deeper", "no log")
        try Files.makeFolder(source)
        try #require(symlink(folder.path + "/data/logs", source + "/logs") == 0)
        try #require(symlink("log.ndjson", folder.path + "/data/logs/aa/link") == 0)
        let user = FarmUser(ownerOf: folder.path)
        var harvest = FileHarvest(from: source, to: folder.path + "/backup", user: user)
        try harvest.begin()
        #expect(harvest.files.map(\.path) == ["logs/aa/log.ndjson"])
        try Files.remove(folder.path + "/data")
        var second = FileHarvest(from: source, to: folder.path + "/second", user: user)
        #expect(throws: SystemError.self) { try second.begin() }
    }

    @Test("Old backups go; the new one and those of a wrong clock do not")
    func oldBackups() throws {
        let folder = try TemporaryFolder()
        let names = [
            "2026-11-28T000000Z", "2026-11-29T000000Z", "2026-11-30T000000Z", "2099-01-01T000000Z",
        ]
        for name in names { try write("\(folder.path)/\(name)/manifest.json.sha256", "x") }
        let newest = names[2]
        #expect(
            try BackupFolders.old(folder.path, keeping: 1, until: newest) == Array(names[..<2]))
        #expect(try BackupFolders.old(folder.path, keeping: 2, until: newest) == [names[0]])
        #expect(try BackupFolders.old(folder.path, keeping: 9, until: newest).isEmpty)
    }

    @Test("A backup that fails after its keys were written leaves none")
    func failureAfterKeys() async throws {
        let folder = try TemporaryFolder()
        let (parent, keys) = (folder.path + "/backups", folder.path + "/keys")
        let database = folder.path + "/state/aibuild.sqlite"
        try write(folder.path + "/state/api.token", "token")
        try write(keys + "/2026-11-30T000000Z.part/api.token", "of one that was killed")
        let live = try await SQLDatabase.open(.sqlite(path: database))
        try await live.execute("CREATE TABLE a (text TEXT)")
        await live.close()
        let backup = FarmBackup(
            FarmPlaces(
                location: .sqlite(path: database), stateFolder: folder.path + "/state",
                sharedFolder: folder.path + "/state", webRoot: folder.path + "/www",
                keys: [.init("api.token", folder.path + "/state/api.token")], version: "1"),
            into: parent, keys: .elsewhere(keys), keeps: nil,
            say: { line in
                guard line.hasPrefix("Keys:") else { return }
                for name in (try? Files.list(parent)) ?? [] where name.hasSuffix(".part") {
                    try? Files.remove("\(parent)/\(name)")
                }
            })
        await #expect(throws: (any Error).self) { try await backup.run() }
        #expect(try Files.list(keys) == [".lock"])
        #expect(try Files.list(parent) == [".lock"])
    }

    @Test("An epoch that leaves no room above it is refused")
    func hugeEpoch() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/images/.epoch"
        #expect(try RestoredDatabase.epoch(ofWebRoot: folder.path) == 0)
        try write(path, "1790000000")
        #expect(try RestoredDatabase.epoch(ofWebRoot: folder.path) == 1_790_000_000)
        try write(path, "\(Int64.max - 5)")
        let error = #expect(throws: Failure.self) {
            try RestoredDatabase.epoch(ofWebRoot: folder.path)
        }
        #expect("\(try #require(error))".contains(path))
    }

    @Test("What a user can make lead elsewhere is not done as root")
    func redirectedPaths() throws {
        guard geteuid() == 0 else { return }
        let folder = try TemporaryFolder()
        try write(folder.path + "/theirs/logs/a", "x")
        try write(folder.path + "/roots/a", "x")
        try #require(chown(folder.path + "/theirs", 4242, 4242) == 0)
        try #require(symlink("../theirs/logs", folder.path + "/roots/link") == 0)
        let user = FarmUser(ownerOf: folder.path + "/theirs")
        #expect(user.canRedirect(folder.path + "/theirs/logs/a"))
        #expect(user.canRedirect(folder.path + "/roots/link/a"))
        #expect(!user.canRedirect(folder.path + "/roots/a"))
        #expect(!user.canRedirect(folder.path + "/roots/new/a"))
    }

    @Test("The numbers of images that are there are taken")
    func takenNumbers() throws {
        let folder = try TemporaryFolder()
        let images = folder.path + "/images"
        for name in [
            "build/debian/debianx86_64_20261130_7.raw",
            "build/debian/debianx86_64_20261130_99x",
            "release/debian/debianx86_64_20261201_12.build.json",
            "release/debian/debianx86_64_20261201_99999999999.raw",
            "release/other/otherx86_64_20261201_500.raw",
        ] { try write("\(images)/\(name)", "x") }
        #expect(RestoredDatabase.largestNumber("debian", folder.path) == 99)
        #expect(RestoredDatabase.largestNumber("none", folder.path) == 0)
    }
}
