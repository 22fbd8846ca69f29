import BuildProtocol
@testable import CoordinatorAdapters
import CoordinatorCore
@testable import DockerKit
import Testing

/// What a journal says is half-made.
@Suite("What releases leave") struct ReleaseLeftoverTests {
    private func release(_ journal: [String: String], _ action: Release.Action = .release)
        -> Release
    {
        let plan = BuildPlan(
            template: TemplateArchive(sha256: "", sizeBytes: 0),
            recipe: BuildRecipe(builder: .packer(template: "t.json")),
            requirements: Requirements(), limits: AttemptLimits())
        let build = Build(
            id: "b1", guestOSID: "g1", guestOS: "debian12", number: 7, state: .passed, priority: 0,
            owner: "o", plan: plan, updateContents: "", submittedMilliseconds: 0)
        var release = Release(
            id: "r1", action: action, build: build, environment: "lab", requestedBy: "anna",
            createdMilliseconds: 0)
        release.journal = journal
        return release
    }

    @Test("In Glance: an image, one that may be there, or a name")
    func glance() {
        let target = OpenStackTarget()
        #expect(target.leftBehind(by: release([:])).isEmpty)
        let name = "incoming-debian12x86_64 r1"
        #expect(
            target.leftBehind(by: release(["creating": name]))
                == ["perhaps an image called '\(name)'"])
        #expect(
            target.leftBehind(by: release(["creating": name, "image": "42"])) == ["image 42"])
        let named = target.leftBehind(by: release(["image": "42", "previous": "41,40"]))
        #expect(
            named == ["image 42 (it may have its name already, which image 41 had before)"])
        let back = target.leftBehind(
            by: release(["image": "42", "previous": "41"], .rollback))
        #expect(back == ["the name of image 42, which image 41 was to get back"])
    }

    @Test("In a registry: only what the release has added, and the moving tag")
    func registry() {
        let target = RegistryTarget()
        let begun = ["layer": "a b", "upload": "u", "digest": "sha256:1", "isNew": "no"]
        #expect(target.leftBehind(by: release(begun)).isEmpty)
        let pushed = ["digest": "sha256:1", "isNew": "yes", "previous": "sha256:0"]
        let left = target.leftBehind(by: release(pushed))
        #expect(left.count == 2 && left[0].hasPrefix("image sha256:1, called debian12"))
        #expect(left[1].hasSuffix("pointed to sha256:0"))
    }

    @Test("On Docker hosts: the containers that were being replaced")
    func docker() {
        let memory = Replacement.PreviousState(wasRunning: true, previousImage: nil)
        let journal = [
            "image": "r/x@sha256:1", "host.10.0.0.1": HostEntry(.begun, memory).text,
            "host.10.0.0.2": HostEntry(.done, memory).text,
        ]
        #expect(
            DockerTarget().leftBehind(by: release(journal))
                == ["the container on host 10.0.0.1, half replaced"])
    }
}
