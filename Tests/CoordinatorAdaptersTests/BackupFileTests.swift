@testable import CoordinatorAdapters
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
        var harvest = FileHarvest(from: source, to: target)
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
