import BuildProtocol
import CoordinatorCore
import Testing

/// Model values that fill every field, so that a forgotten column is detected.
enum Samples {
    static func guestOS(_ name: String, id: String? = nil) -> GuestOS {
        GuestOS(
            id: id ?? "id-" + name, name: name, type: .windows, distro: "Windows",
            version: "2016", baseISO: "win2016.iso",
            template: .git(url: "https://git/\(name)", ref: "main"),
            templatePath: "images/\(name)", variables: ["release": "ü=1"], owner: "team-a",
            createdMilliseconds: 1_700_000_000_123)
    }

    static func host(_ name: String) -> Host {
        Host(
            name: name, address: "aibuild@\(name):22", hostKey: "ssh-ed25519 AAAA\(name)",
            createdMilliseconds: 1_700_000_000_456)
    }

    static func plan(_ template: String = "t.json") -> BuildPlan {
        BuildPlan(
            template: TemplateArchive(
                sha256: String(repeating: "a", count: 64), sizeBytes: 5 << 32),
            commit: "0123abcd",
            recipe: BuildRecipe(
                builder: .packer(template: template), variables: ["mirror": "http://m/ü"],
                baseImage: BaseImage(url: "https://b/base.qcow2", sha256: nil)),
            requirements: Requirements(
                vcpus: 4, memoryBytes: 8 << 30, diskBytes: 20 << 30, accelerator: .kvm,
                tags: ["ssd", "eu"]), limits: AttemptLimits(totalSeconds: 10), concurrency: 2)
    }

    static func build(
        _ id: String, of guestOS: String = "ubuntu1604", priority: Int = 0, at time: Int64 = 1000
    ) -> NewBuild {
        NewBuild(
            id: id, guestOSID: "id-" + guestOS, guestOS: guestOS, priority: priority,
            owner: "team-a", plan: plan(), updateContents: "security updates, 安全更新",
            submittedMilliseconds: time)
    }

    static func token(_ number: UInt64) -> AttemptToken { AttemptToken(high: 7, low: number) }

    static func claim(
        _ build: String, _ number: UInt64, ordinal: Int = 1, host: String = "kvm1",
        at time: Int64 = 2000
    ) -> BuildChange {
        BuildChange(
            build: build, from: [.queued], owner: nil, to: .building, atMilliseconds: time,
            begin: Attempt(
                token: token(number), build: build, ordinal: ordinal, host: host,
                startedMilliseconds: time))
    }

    static func pass(
        _ build: String, _ number: UInt64, at time: Int64, image: String = "image.qcow2"
    ) -> BuildChange {
        BuildChange(
            build: build, from: [.building, .collecting, .publishing], owner: token(number),
            to: .passed, atMilliseconds: time,
            end: AttemptEnd(
                outcome: Outcome(exitCode: 0), logBytes: 1 << 33, logSHA256: "log-digest",
                accelerator: .tcg, artifacts: artifacts), image: published(image))
    }

    static func fail(
        _ build: String, _ number: UInt64, to state: BuildState, at time: Int64,
        notBefore: Int64? = nil
    ) -> BuildChange {
        BuildChange(
            build: build, from: [.building, .collecting, .publishing], owner: token(number),
            to: state, atMilliseconds: time, end: AttemptEnd(outcome: Outcome(fault: fault)),
            notBeforeMilliseconds: notBefore, fault: fault)
    }

    static let fault = Fault(.infrastructure, .hostLost, "host 'kvm1' was lost\nmore")

    static let artifacts = [
        Artifact(
            name: "b.qcow2", sizeBytes: 1 << 34, sha256: "d1", format: .qcow2,
            virtualSizeBytes: 1 << 35, chunkSHA256: ["c1", "c2"]),
        Artifact(name: "a.json", sizeBytes: 12, sha256: "d2", format: .file),
    ]

    /// The artifacts as a store returns them: without the digests of chunks.
    static let recorded = artifacts.map { artifact in
        var artifact = artifact
        artifact.chunkSHA256 = []
        return artifact
    }

    static func published(_ name: String) -> PublishedImage {
        PublishedImage(
            name: name, path: "images/build/ubuntu1604/" + name, url: "http://web/" + name,
            sizeBytes: 1 << 34, sha256: "d1", format: .qcow2, virtualSizeBytes: 1 << 35)
    }
}

extension BuildWriter {
    /// Claims and passes a queued build.
    func run(_ build: String, _ number: UInt64, from start: Int64, to end: Int64) async throws {
        _ = try #require(try await apply(Samples.claim(build, number, at: start)))
        _ = try #require(
            try await apply(Samples.pass(build, number, at: end, image: "\(build).qcow2")))
    }
}

extension AuditEntry {
    /// As it was before the store numbered it.
    var unnumbered: AuditEntry {
        var entry = self
        entry.id = 0
        return entry
    }
}
