import BuildProtocol
import CoordinatorCore
import Support
import TestSupport

/// A guest OS whose builds are released, with an image file for each.
struct ReleasedGuest {
    let folder: TemporaryFolder
    /// With a capital letter, which repositories cannot have.
    let name = "App" + String(UInt32.random(in: .min ... .max), radix: 16)

    init() throws { folder = try TemporaryFolder() }

    func order(
        _ number: Int, _ settings: EnvironmentSettings, secret: String? = nil,
        bytes: Int = 1_000_000, release: String? = nil, properties: [String: String] = [:],
        journal: [String: String] = [:], format: ReleaseFormat? = nil
    ) throws -> ReleaseOrder {
        let path = "\(folder.path)/\(number)-\(bytes).qcow2"
        if !Files.exists(path) {
            var chance = SeededGenerator(seed: number)
            let words = (0..<bytes / 4 + 1).map { _ in UInt32(chance.below(1 << 31)) }
            try words.withUnsafeBytes { try Files.replace(path, with: $0.prefix(bytes)) }
        }
        let image = PublishedImage(
            name: "\(name)_\(number).qcow2", path: "images/build/\(name)/\(number).qcow2",
            url: "http://farm/images/\(number).qcow2", sizeBytes: Int64(bytes),
            sha256: try SHA256.file(path), format: .qcow2, virtualSizeBytes: 1 << 30)
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
