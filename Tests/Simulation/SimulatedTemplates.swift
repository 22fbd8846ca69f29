import BuildProtocol
import CoordinatorCore

/// Guest OSes whose builds differ in what they need, and in whether their images are tested.
struct SimulatedTemplates: TemplateLibrary {
    static let guestOSes = 40

    static func guestOS(_ index: Int) -> GuestOS {
        GuestOS(
            id: "os-\(index)", name: "os\(index)", type: .linux, distro: "", version: "",
            baseISO: "", template: .folder(path: "/t/\(index)"), owner: "team\(index % 7)",
            createdMilliseconds: 0)
    }

    func plan(
        for guestOS: GuestOS, startedBy kind: BuildOrigin.Kind?
    ) async throws -> BuildPlan {
        let index = Int(guestOS.id.dropFirst(3)) ?? 0
        var requirements = Requirements()
        if index % 5 == 1 { requirements.vcpus = 2 }
        if index % 5 == 2 { requirements.memoryBytes = 3 << 30 }
        var tests: ImageTests?
        if index % 3 == 0 {
            tests = ImageTests(requirements: requirements)
            tests?.plan.cases = ["boots", "answers"].map {
                PlannedTest(name: $0, kind: .boot, limitSeconds: 60)
            }
        }
        let digits = String(index, radix: 16)
        return BuildPlan(
            template: TemplateArchive(
                sha256: String(repeating: "0", count: 64 - digits.utf8.count) + digits,
                sizeBytes: 10),
            recipe: BuildRecipe(builder: .command(["./build"])), requirements: requirements,
            limits: AttemptLimits(), concurrency: index % 10 == 9 ? 50 : nil, tests: tests)
    }

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

/// Nobody imports spreadsheets here.
struct NoSheets: SheetFiles {
    func read(_ bytes: [UInt8], name: String) async throws -> SheetFile {
        throw SheetFault("there are no spreadsheets")
    }
    func write(_ sheets: [(name: String, rows: [[String]])]) async throws -> [UInt8] {
        throw SheetFault("there are no spreadsheets")
    }
}
