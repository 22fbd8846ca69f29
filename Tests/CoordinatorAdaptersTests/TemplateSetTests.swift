import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import Templates
import TestSupport
import Testing
import YAMLKit

/// Several images in one `aibuild.yml`.
struct TemplateSetTests {
    private static let several = """
        template: linux.json
        variables: {mirror: "http://m", packages: none}
        requirements: {vcpus: 2, memory: 2GiB}
        tests: {cases: [{name: boots, builtin: boot}]}
        images:
          debian12:
          debian13: {variables: {packages: many}, requirements: {memory: 4GiB}, tests: {vcpus: 4}}
          rocky9: {builder: command, command: [./rocky.sh], variables: {}}
          broken: {template: none.json}
        """
    private static let template =
        #"{"builders": [{"type": "null", "communicator": "none", "#
        + #""x": "{{user `mirror`}}{{user `packages`}}"}]}"#

    private func images(_ text: String) throws -> TemplateSet<TemplateFile> {
        try TemplateSet(Array(text.utf8), file: "aibuild.yml")
    }

    @Test("An image takes the keys beside images: as its defaults")
    func defaults() throws {
        let images = try images(Self.several)
        #expect(images.all.map(\.name) == ["broken", "debian12", "debian13", "rocky9"])
        let old = try images.image(ofGuestOS: "debian12")
        #expect(old.recipe.variables == ["mirror": "http://m", "packages": "none"])
        #expect(old.requirements.memoryBytes == 2 << 30)
        let new = try images.image(ofGuestOS: "debian13")
        #expect(new.recipe.variables == ["mirror": "http://m", "packages": "many"])
        #expect(new.requirements.vcpus == 2 && new.requirements.memoryBytes == 4 << 30)
        #expect(new.tests?.plan.cases.map(\.name) == ["boots"])
        #expect(new.tests?.requirements.vcpus == 4)
        #expect(
            try images.image(ofGuestOS: "broken").recipe.builder == .packer(template: "none.json"))
    }

    @Test("A guest OS without an image is told those that there are")
    func unknown() throws {
        let fault = try #require(throws: TemplateFault.self) {
            _ = try images(Self.several).image(ofGuestOS: "debain12")
        }
        #expect(
            fault.description
                == "aibuild.yml has no image for the guest OS 'debain12': under images: there are "
                + "broken, debian12, debian13, rocky9; did you mean 'debian12'?")
        // A file without images: is for any guest OS.
        _ = try images("template: a.json").image(ofGuestOS: "any")
    }

    @Test(
        "What is wrong with an image is said at its line",
        arguments: [
            ("images: {}", "aibuild.yml:1:9: key 'images': expected 1 to 256 images"),
            (
                "images:\n  a: {tempalte: x}",
                "aibuild.yml:2:7: key 'images.a.tempalte': is not known"
            ),
            ("images:\n  a/b: {}", "aibuild.yml:2:3: key 'images': "),
            ("template: t\nimages:\n  a: {images: {}}", "key 'images.a.images': is not known"),
            ("concurrency: 0\nimages:\n  a: {template: t}", "aibuild.yml:1:14: "),
            ("images:\n  a: {builder: command}", "key 'images.a.command': is missing"),
            ("image: {a: {}}\nimages:\n  a: {template: t}", "aibuild.yml:1:8: "),
        ])
    func refused(text: String, message: String) throws {
        let error = #expect(throws: YAMLError.self) { _ = try images(text) }
        #expect(error?.description.contains(message) == true, "\(error.map(String.init) ?? "")")
    }

    @Test("Guest OSes that share a folder get their own images; one that is broken stops no other")
    func plans() async throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path + "/template"
        let files = [
            "aibuild.yml": Self.several, "linux.json": Self.template, "rocky.sh": "#!/bin/sh\n",
        ]
        for (name, text) in files {
            try Files.makeFolder(folder)
            try Files.replace("\(folder)/\(name)", with: Array(text.utf8))
        }
        let archives = try TemplateArchives(folder: temporary.path + "/archives")
        func plan(_ name: String) async throws -> BuildPlan {
            try await archives.plan(
                for: GuestOS(
                    id: name, name: name, type: .linux, distro: "", version: "", baseISO: "",
                    template: .folder(path: folder), owner: "o", createdMilliseconds: 0))
        }
        #expect(try await plan("debian13").recipe.variables["packages"] == "many")
        #expect(try await plan("rocky9").recipe.builder == .command(["./rocky.sh"]))
        let fault = await #expect(throws: TemplateFault.self) { _ = try await plan("broken") }
        #expect(
            fault?.description
                == "aibuild.yml:9:22: names 'none.json', which is not in \(folder); there is "
                + "linux.json")
    }
}
