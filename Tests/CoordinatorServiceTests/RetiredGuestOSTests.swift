import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// A guest OS that was removed after it had been built.
@Suite struct RetiredGuestOSTests {
    @Test("A guest OS with builds is retired: no new builds, until it is restored")
    func retired() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            let leader = try coordinator.leading()
            let build = try await farm.submit(coordinator)
            try await farm.wait(build, .passed)
            #expect(try await leader.guestOSes.remove("debian", by: "anna"))
            let submitted = await #expect(throws: Refusal.self) {
                try await farm.submit(coordinator)
            }
            #expect(submitted?.code == .conflict)
            #expect(
                submitted?.message.contains("is retired: it takes no new builds") == true
                    && submitted?.message.contains("guestos change debian --restore") == true)
            await #expect(throws: Refusal.self) {
                try await leader.submission.retry(build, by: "anna")
            }
            #expect(try await farm.store.build(id: build.id)?.image != nil)
            var form = GuestOSForm(name: "debian", type: .linux, template: .folder(path: "/t"))
            _ = try await leader.guestOSes.change(form, by: "anna")
            #expect(try await farm.store.guestOS(named: "debian")?.isRetired == true)
            form.retired = false
            _ = try await leader.guestOSes.change(form, by: "anna")
            let next = try await farm.submit(coordinator)
            #expect(next.number == 2)
        }
    }

    @Test("A guest OS without builds is removed") func removed() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            let leader = try coordinator.leading()
            #expect(try await !leader.guestOSes.remove("debian", by: "anna"))
            await #expect(throws: StoreError.notFound(what: .guestOS, name: "debian")) {
                try await farm.submit(coordinator)
            }
        }
    }
}
