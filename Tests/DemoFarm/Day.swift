import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import CoordinatorService
import Support

/// A busy day: builds are asked for in waves, as pushes and schedules do.
struct DemoDay {
    let coordinator: Coordinator
    let fleet: DemoHosts

    func go() async {
        await fleet.start()
        var chance = SeededChance()
        await wave(150, &chance)
        while !Task.isCancelled {
            try? await SystemClock().sleep(milliseconds: 20_000)
            await wave(3 + chance.below(4), &chance)
        }
    }

    private func wave(_ builds: Int, _ chance: inout SeededChance) async {
        for _ in 0..<builds {
            let image = Catalog.images[chance.below(Catalog.images.count)]
            _ = try? await coordinator.leading().submission.submit(
                guestOS: image.name, priority: chance.below(20) == 0 ? 10 : 0, owner: nil,
                reason: "schedule: nightly", by: "schedule")
        }
    }
}

/// The templates of the farm are not there to be read.
struct DemoTemplates: TemplateLibrary {
    func plan(
        for guestOS: GuestOS, startedBy kind: BuildOrigin.Kind?
    ) async throws -> BuildPlan { Catalog.plan(guestOS.name) }
    func isTouched(
        _ guestOS: GuestOS, _ plan: BuildPlan, since old: String, asMergeRequest: Bool
    ) async throws -> Bool { true }
    func subjects(
        _ guestOS: GuestOS, of plan: BuildPlan, since old: String?
    ) async throws -> [String] { [] }
    func triggers(of guestOS: GuestOS, in plan: BuildPlan) async throws -> ImageTriggers {
        ImageTriggers()
    }
    func triggers(
        of guestOS: GuestOS
    ) async throws -> (triggers: ImageTriggers, commit: String?) {
        (ImageTriggers(), nil)
    }
    func mark(of watch: Watch) async throws -> String { "" }
    func path(of archive: TemplateArchive) throws -> String { "/templates/\(archive.sha256).tar" }
    func outputs(
        of archive: TemplateArchive, for guestOS: String
    ) async throws -> [(name: String, template: OutputTemplate)] { [] }
    func sweep(keeping digests: Set<String>, nowMilliseconds: Int64) {}
}

struct DemoSheets: SheetFiles {
    func read(_ bytes: [UInt8], name: String) async throws -> SheetFile {
        throw SheetFault("the demo farm reads no spreadsheets")
    }
    func write(_ sheets: [(name: String, rows: [[String]])]) async throws -> [UInt8] {
        throw SheetFault("the demo farm writes no spreadsheets")
    }
}
