import BuildProtocol
import CoordinatorCore
import Support
import Synchronization
import TestSupport

/// What Service keeps for a release, in memory: the journal survives a "crash".
final class ReleaseNotes: ReleaseSteps {
    struct Crash: Error {}

    private struct State {
        var journal: [String: String] = [:]
        var records = 0
        var crashAt: Int?
        var progress: [String] = []
    }

    private let state = Mutex(State())
    private let environments: [String: (ReleaseEnvironment, Secret?)]

    init(_ environments: [String: (ReleaseEnvironment, Secret?)] = [:]) {
        self.environments = environments
    }

    var journal: [String: String] { state.withLock(\.journal) }
    var records: Int { state.withLock(\.records) }
    var progress: [String] { state.withLock(\.progress) }

    /// The record after so many more is durable, and then the coordinator is gone.
    func crash(afterRecords count: Int?) {
        state.withLock { state in state.crashAt = count.map { state.records + $0 } }
    }

    func record(_ journal: [String: String]) async throws {
        try state.withLock { state in
            if let at = state.crashAt, state.records >= at { throw Crash() }
            state.journal = journal
            state.records += 1
            if state.records == state.crashAt { throw Crash() }
        }
    }

    func progress(_ what: String, doneBytes: Int64, totalBytes: Int64) async {
        state.withLock { $0.progress.append("\(what) \(doneBytes)/\(totalBytes)") }
    }

    func environment(named name: String) async throws -> (ReleaseEnvironment, Secret?) {
        guard let found = environments[name] else {
            throw ReleaseFault("there is no environment '\(name)'", isPermanent: true)
        }
        return found
    }
}

/// One guest OS whose builds are released, with an image file for each.
struct ReleasedGuest {
    let folder: TemporaryFolder
    /// Capitals, as people have them; repositories have none.
    let name = "App" + String(UInt32.random(in: .min ... .max), radix: 16)

    init() throws { folder = try TemporaryFolder() }

    func order(
        _ number: Int, _ settings: EnvironmentSettings, secret: String? = nil,
        bytes: Int = 1_000_000, release: String? = nil, properties: [String: String] = [:],
        journal: [String: String] = [:], format: ReleaseFormat? = nil
    ) throws -> ReleaseOrder {
        let path = "\(folder.path)/\(number)-\(bytes).qcow2"
        if !Files.exists(path) {
            var chance = Chance(seed: number)
            let words = (0..<bytes / 4 + 1).map { _ in UInt32(chance.below(1 << 31)) }
            try words.withUnsafeBytes { try Files.replace(path, with: $0.prefix(bytes)) }
        }
        let image = PublishedImage(
            name: "\(name)_\(number).qcow2", path: "images/build/\(name)/\(number).qcow2",
            url: "http://farm/images/\(number).qcow2", sizeBytes: Int64(bytes),
            sha256: try SHA256.file(path), format: "qcow2", virtualSizeBytes: 1 << 30)
        let plan = BuildPlan(
            template: TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 1),
            commit: "0123abcd",
            recipe: BuildRecipe(builder: .packer(template: "t.json"), variables: [:]),
            requirements: Requirements(vcpus: 1, memoryBytes: 1, diskBytes: 1),
            limits: AttemptLimits(totalSeconds: 10))
        return ReleaseOrder(
            release: release ?? "r\(number)",
            build: Build(
                id: "build-\(number)", guestOSID: "g", guestOS: name, number: number,
                state: .passed, priority: 0, owner: "a", plan: plan, updateContents: "",
                submittedMilliseconds: 1_767_225_600_000, image: image),
            guestOS: GuestOS(
                id: "g", name: name, type: .linux, distro: "Debian", version: "12", baseISO: "",
                template: .folder(path: "/t"), owner: "a", createdMilliseconds: 0),
            image: image, imagePath: path,
            environment: ReleaseEnvironment(
                id: "e", name: "env", settings: settings, createdMilliseconds: 0),
            secret: secret.map { Secret($0) }, format: format,
            plan: ReleasePlan(properties: properties), journal: journal,
            createdMilliseconds: 0)
    }
}

func fault(_ work: () async throws -> Void) async throws -> ReleaseFault {
    do { try await work() } catch let fault as ReleaseFault { return fault }
    throw Failure("nothing failed")
}
