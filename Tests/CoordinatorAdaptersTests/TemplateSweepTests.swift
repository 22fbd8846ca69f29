import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Glibc
import Support
import TestSupport
import Testing

/// What is removed of the archives of templates and the mirrors of repositories.
struct TemplateSweepTests {
    private static let day: Int64 = 86_400_000
    private let temporary: TemporaryFolder
    private let folder: String
    private let archives: TemplateArchives
    private let now: Int64

    init() throws {
        temporary = try TemporaryFolder()
        folder = temporary.path + "/archives"
        archives = try TemplateArchives(folder: folder)
        now = SystemClock().unixMilliseconds()
    }

    private func archive(_ word: String) async throws -> TemplateArchive {
        let path = temporary.path + "/template"
        try Files.makeFolder(path)
        try Files.replace(
            path + "/aibuild.yml", with: Array("builder: command\ncommand: [\"\(word)\"]\n".utf8))
        let guestOS = GuestOS(
            id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
            template: .folder(path: path), owner: "o", createdMilliseconds: 0)
        return try await archives.plan(for: guestOS).template
    }

    private func left() throws -> Set<String> { Set(try Files.list(folder)) }

    @Test("Archives are kept as long as a build needs them, or was submitted a moment ago")
    func archivesOfBuilds() async throws {
        let used = try await archive("one")
        let unused = try await archive("two")
        let names = [used, unused].map { "\($0.sha256).tar" }
        for name in [".7.part", "notes.tar", "notes"] {
            try Files.replace("\(folder)/\(name)", with: [])
        }
        let before = try left()
        try await archives.sweep(keeping: [used.sha256], nowMilliseconds: now + Self.day / 2)
        #expect(try left() == before)
        try await archives.sweep(keeping: [used.sha256], nowMilliseconds: now + 2 * Self.day)
        #expect(try left() == before.subtracting([names[1], ".7.part"]))
        let again = try await archive("two")
        #expect(again == unused)
        #expect(try archives.path(of: again).hasSuffix(names[1]))
    }

    @Test("An archive that a build uses again is new again")
    func archiveUsedAgain() async throws {
        let first = try await archive("one")
        let path = try archives.path(of: first)
        var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
        #expect(try await archive("one") == first)
        try await archives.sweep(keeping: [], nowMilliseconds: now)
        #expect(Files.exists(path))
    }

    @Test("Mirrors are kept for a month after their last use")
    func mirrors() async throws {
        let mirror = folder + "/git/m"
        try Files.makeFolder(mirror + "/objects")
        try await archives.sweep(keeping: [], nowMilliseconds: now + 29 * Self.day)
        #expect(Files.exists(mirror))
        try await archives.sweep(keeping: [], nowMilliseconds: now + 31 * Self.day)
        #expect(!Files.exists(mirror) && Files.exists(folder + "/git"))
    }
}
