import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import TestSupport
import Testing

/// Registration by request and by spreadsheet, and its effects.
@Suite(.timeLimit(.minutes(2))) struct ImportTests {
    private let header = ["index", "name", "base_iso", "type", "distro", "version", "template"]

    private func importing(
        _ coordinator: Coordinator, dryRun: Bool = false, only: ImportSheet? = nil
    ) async throws -> ImportReport {
        try await coordinator.leading().sheets.run(
            [1], name: "farm.xls", only: only, isDryRun: dryRun, by: "anna")
    }

    @Test("A file registers, and updates when imported again")
    func importTwice() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.run { coordinator in
            farm.sheets.set([
                ("guestos", [header, ["1", "a", "a.iso", "linux", "debian", "12", "/t"]]),
                ("testcases", [["index", "name", "os_type"], ["1", "boots", "linux"]]),
            ])
            let dry = try await importing(coordinator, dryRun: true)
            #expect(dry.isDryRun)
            #expect(dry.counts.map(\.new) == [1, 1])
            #expect(try await farm.store.guestOS(named: "a") == nil)
            #expect(await farm.webRoot.folders.isEmpty)

            let first = try await importing(coordinator)
            #expect(first.counts.map(\.new) == [1, 1])
            #expect(await farm.webRoot.folders == ["a"])
            #expect(try await farm.store.guestOS(named: "a")?.template == .folder(path: "/t"))
            let again = try await importing(coordinator)
            #expect(again.counts.map(\.same) == [1, 1])
            let entry = try #require(
                try await farm.store.audit(limit: 9).last { $0.action == "import" })
            #expect(entry.action == "import" && entry.actor == "anna")
            #expect(entry.detail == "guestos: 1 new, 0 changed; testcases: 1 new, 0 changed")

            _ = try await SheetExport(ports: farm.ports).write(isEmpty: false)
            #expect(farm.sheets.written["guestos"]?.count == 3)
            #expect(farm.sheets.written["testcases"]?[1] == ["1", "boots", "linux"])
            _ = try await SheetExport(ports: farm.ports).write(isEmpty: true)
            #expect(farm.sheets.written.values.allSatisfy { $0.count == 1 })
        }
    }

    @Test("One bad row rejects the whole file")
    func badRow() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.run { coordinator in
            var rows = [header]
            for index in 1...300 { rows.append(["", "g\(index)", "", "linux", "", "", ""]) }
            rows.append(["", "bad name", "", "linux", "", "", ""])
            farm.sheets.set([("guestos", rows)])
            for dryRun in [true, false] {
                let refusal = await #expect(throws: ImportRefusal.self) {
                    try await importing(coordinator, dryRun: dryRun)
                }
                #expect(refusal?.problems.shown.map(\.cell) == ["B302"])
            }
            let stored = try await farm.store.guestOSes(after: nil, limit: 9)
            #expect(stored.map(\.name) == ["debian"])
            farm.sheets.set([
                ("guestos", [header] + (0..<500).map { ["", "n \($0)", "", "linux"] })
            ])
            let many = await #expect(throws: ImportRefusal.self) {
                try await importing(coordinator)
            }
            #expect(many?.problems.shown.count == 100 && many?.problems.more == 400)
        }
    }

    /// An unreadable template is a problem of its row.
    @Test("A template that cannot be read is reported with its row")
    func unreadableTemplate() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.run { coordinator in
            // The name that the library of the tests cannot read.
            farm.sheets.set([("guestos", [header, ["", "broken", "", "linux", "", "", "/x"]])])
            let refusal = await #expect(throws: ImportRefusal.self) {
                try await importing(coordinator)
            }
            #expect(refusal?.problems.shown.first?.cell == "G2")
            #expect(refusal?.problems.shown.first?.why.contains("unknown key 'x'") == true)
        }
    }

    @Test("A guest OS without a template is registered, and its builds are refused")
    func missingTemplate() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.run { coordinator in
            farm.sheets.set([("guestos", [Array(header.dropLast()), ["1", "a", "", "linux"]])])
            let report = try await importing(coordinator)
            #expect(report.notices.first?.hasPrefix("a: no template is known yet") == true)
            #expect(try await farm.store.guestOS(named: "a")?.template == .missing)
        }
    }

    @Test("Projects on the Git server are created after the import")
    func gitServerProjects() async throws {
        let server = FakeTemplateServer()
        let farm = try await TestFarm(hosts: 0, templateServer: server)
        try await farm.run { coordinator in
            // It is created after the registration: reading it now would fail.
            farm.sheets.set([
                ("guestos", [header, ["", "broken", "", "linux"], ["", "b", "", "linux"]])
            ])
            #expect(try await importing(coordinator, dryRun: true).servers.isEmpty)
            let report = try await importing(coordinator)
            #expect(report.servers.map(\.guestOS) == ["broken", "b"])
            #expect(server.prepared == ["broken", "b"])
            #expect(
                try await farm.store.guestOS(named: "b")?.template
                    == server.template(ofGuestOS: "b"))

            // A failure there does not lose the registration, and can be repeated.
            server.fail("GitLab is away")
            let form = GuestOSForm(name: "c", type: .linux)
            let registration = try await coordinator.leading().guestOSes.register(form, by: "anna")
            #expect(registration.server?.problem == "GitLab is away")
            #expect(try await farm.store.guestOS(named: "c") != nil)
            #expect(await farm.webRoot.folders == ["broken", "b", "c"])
            server.fail(nil)
            let again = try await coordinator.leading().guestOSes.prepareTemplate(
                ofGuestOS: "c", by: "anna")
            #expect(again.server?.problem == nil)
            await #expect(throws: Refusal.self) {
                try await coordinator.leading().guestOSes.prepareTemplate(
                    ofGuestOS: "debian", by: "anna")
            }
        }
    }

    /// A guest OS of the original AIBuild gets its project.
    @Test("A missing template becomes a project on the Git server")
    func moveToGitServer() async throws {
        let server = FakeTemplateServer()
        let farm = try await TestFarm(hosts: 0, templateServer: server)
        try await farm.leader.add(
            GuestOS(
                id: "m", name: "migrated", type: .linux, distro: "", version: "", baseISO: "",
                template: .missing, owner: "default", createdMilliseconds: 0))
        try await farm.run { coordinator in
            _ = try await coordinator.leading().guestOSes.prepareTemplate(
                ofGuestOS: "migrated", by: "anna")
            #expect(
                try await farm.store.guestOS(named: "migrated")?.template
                    == server.template(ofGuestOS: "migrated"))
        }
    }

    @Test("Without a Git server a template is required")
    func templateIsRequired() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.run { coordinator in
            let refusal = await #expect(throws: Refusal.self) {
                try await coordinator.leading().guestOSes.register(
                    GuestOSForm(name: "c", type: .linux), by: "anna")
            }
            #expect(refusal?.description.contains("the template of 'c' is not set") == true)
            await #expect(throws: Refusal.self) {
                try await coordinator.leading().guestOSes.prepareTemplate(
                    ofGuestOS: "debian", by: "anna")
            }
        }
    }
}
