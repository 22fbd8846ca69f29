import CoordinatorAdapters
import CoordinatorCore
import DockerKit
import Support
import TestSupport
import Testing

/// Releases to a real registry.
struct RegistryTargetTests {
    private let guest: ReleasedGuest
    private let target = RegistryTarget()

    init() throws { guest = try ReleasedGuest() }

    private func settings(_ registry: RegistryServer, port: UInt16? = nil) -> EnvironmentSettings {
        .registry(
            RegistrySettings(
                url: "http://127.0.0.1:\(port ?? registry.port)", repository: "images/{guestos}"))
    }

    private func repository(_ registry: RegistryServer) throws -> RegistryRepository {
        try Registry(url: registry.url).repository("images/\(guest.name.lowercased())")
    }

    @discardableResult
    private func release(
        _ order: ReleaseOrder, _ notes: ReleaseNotes = ReleaseNotes()
    ) async throws -> ReleaseNotes {
        _ = try await target.release(order, notes)
        return notes
    }

    @Test("Each image has its own tag, and the moving tag follows") func tags() async throws {
        let registry = try await RegistryServer.shared()
        let (settings, repository) = (settings(registry), try repository(registry))
        let notes = ReleaseNotes()
        let first = try await target.release(guest.order(1, settings), notes)
        #expect(try await repository.manifest("latest")?.digest == first.remoteID)
        #expect(notes.journal["previous"] == "none")
        #expect(notes.progress.contains { $0.hasPrefix("pushing the image 0/") })
        let again = ReleaseNotes()
        let second = try await target.release(guest.order(2, settings), again)
        #expect(again.journal["previous"] == first.remoteID)
        let names = ["\(guest.name)x86_64_20260101_1", "\(guest.name)x86_64_20260101_2", "latest"]
        #expect(try await repository.tags().sorted() == names.sorted())
        #expect(try await repository.manifest("latest")?.digest == second.remoteID)
        #expect(try await repository.manifest(names[0])?.digest == first.remoteID)
        #expect(second.notes.last == "\(repository.reference)@\(second.remoteID)")
        // The configuration says where it comes from.
        let manifest = try #require(try await repository.manifest(second.remoteID))
        #expect(String(decoding: manifest.bytes, as: UTF8.self).contains("oci.image.layer.v1.tar"))

        let back = try await target.rollBack(
            guest.order(2, settings, release: "back", journal: again.journal), ReleaseNotes())
        #expect(back.remoteID == first.remoteID)
        #expect(try await repository.manifest("latest")?.digest == first.remoteID)
        let nothing = try await fault {
            _ = try await target.rollBack(
                guest.order(1, settings, journal: notes.journal), ReleaseNotes())
        }
        #expect(nothing.isPermanent)
        #expect(nothing.description.contains("nothing stood under"))
    }

    @Test("A tag that somebody else moved is kept") func foreignTagIsKept() async throws {
        let registry = try await RegistryServer.shared()
        let (settings, repository) = (settings(registry), try repository(registry))
        try await release(guest.order(1, settings))
        let notes = try await release(guest.order(2, settings))
        try await release(guest.order(3, settings))
        let moved = try await repository.manifest("latest")?.digest
        let error = try await fault {
            _ = try await target.rollBack(
                guest.order(2, settings, journal: notes.journal), ReleaseNotes())
        }
        #expect(error.isPermanent)
        #expect(error.description.contains("was moved by somebody else"))
        #expect(try await repository.manifest("latest")?.digest == moved)
    }

    /// The coordinator dies after each record in turn; the journal has its state.
    @Test("A release resumes after a crash") func resumesAfterCrash() async throws {
        let registry = try await RegistryServer.shared()
        let (settings, repository) = (settings(registry), try repository(registry))
        let first = ReleaseNotes()
        try await release(guest.order(1, settings), first)
        #expect(first.records >= 3)
        var before = try await repository.manifest("latest")?.digest
        for crash in 1...first.records {
            let number = crash + 1
            let notes = ReleaseNotes()
            notes.crash(afterRecords: crash)
            await #expect(throws: ReleaseNotes.Crash.self) {
                try await release(guest.order(number, settings), notes)
            }
            notes.crash(afterRecords: nil)
            let result = try await target.release(
                guest.order(number, settings, journal: notes.journal), notes)
            #expect(notes.journal["previous"] == before)
            before = try await repository.manifest("latest")?.digest
            #expect(before == result.remoteID)
        }
    }

    @Test("A cleanup removes what the release added, and nothing else") func cleanup() async throws
    {
        let registry = try await RegistryServer.shared()
        let (settings, repository) = (settings(registry), try repository(registry))
        let kept = try await target.release(guest.order(1, settings), ReleaseNotes())
        // Died after the image was pushed and before the tag was moved.
        let notes = ReleaseNotes()
        notes.crash(afterRecords: 4)
        await #expect(throws: ReleaseNotes.Crash.self) {
            try await release(guest.order(2, settings), notes)
        }
        #expect(try await repository.tags().count == 3)
        let order = try guest.order(2, settings, journal: notes.journal)
        try await target.abandon(order, ReleaseNotes())
        try await target.abandon(order, ReleaseNotes())
        #expect(try await repository.manifest("latest")?.digest == kept.remoteID)
        #expect(try await repository.manifest(order.build.imageName) == nil)
        // The same image once more: the second release must not remove what the first pushed.
        let twice = ReleaseNotes()
        _ = try await target.release(guest.order(1, settings, release: "again"), twice)
        try await target.abandon(guest.order(1, settings, journal: twice.journal), ReleaseNotes())
        #expect(try await repository.manifest("latest")?.digest == kept.remoteID)
    }

    @Test("The check finds what would fail a release") func check() async throws {
        let registry = try await RegistryServer.start(isOpen: false)
        var settings = RegistrySettings(url: registry.url, username: RegistryServer.user)
        let environment = { (settings: RegistrySettings) in
            ReleaseEnvironment(
                id: "e", name: "env", settings: .registry(settings), createdMilliseconds: 0)
        }
        let findings = try await target.check(
            environment(settings), Secret(RegistryServer.password))
        #expect(findings.first == EnvironmentFinding(.ok, "\(registry.url) answers and lets us in"))
        #expect(findings[1] == EnvironmentFinding(.ok, "we may push to aibuild-check"))
        #expect(findings.last?.level == .warning)
        let wrong = try await fault {
            _ = try await target.check(environment(settings), Secret("guess"))
        }
        #expect(wrong.isPermanent)
        settings.username = nil
        let nobody = try await fault { _ = try await target.check(environment(settings), nil) }
        #expect(nobody.description.contains("requires a user and a password"))
        settings.repository = "{guestos}:tag"
        let tagged = try await fault { _ = try await target.check(environment(settings), nil) }
        #expect(tagged.description.contains("has a tag"))
        let format = try await fault {
            _ = try await target.release(
                guest.order(1, self.settings(registry), format: .raw), ReleaseNotes())
        }
        #expect(format.isPermanent)
    }
}
