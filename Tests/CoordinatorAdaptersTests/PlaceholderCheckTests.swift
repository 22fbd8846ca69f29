import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import TestSupport
import Testing

/// Placeholders of a JSON template, before a host is involved.
struct PlaceholderCheckTests {
    private let temporary: TemporaryFolder
    private let archives: TemplateArchives

    /// As Packuilon's: no JSON before the placeholders are replaced.
    private static let template = """
        {"builders": [{"type": "openstack", "ssh_username": "root", "image_name": "$NAME AQ",
          "source_image": "$IMAGE", "flavor": "m1.tiny", "instance_metadata": { $METADATA }}],
         "post-processors": [{"type": "shell-local", "inline": ["rename-old-images.sh $NAME AQ"]}]}
        """
    private static let values = [
        "NAME": "a", "IMAGE": "7eb100a3", "METADATA": #"{"AQ_OS": "sl"}"#,
    ]

    init() throws {
        temporary = try TemporaryFolder()
        archives = try TemplateArchives(folder: temporary.path + "/archives")
    }

    private func plan(
        _ yaml: String, _ template: String = template, _ variables: [String: String] = values,
        name: String = "managed.json"
    ) async throws -> BuildPlan {
        let folder = temporary.path + "/template"
        try Files.makeFolder(folder)
        for (name, text) in ["aibuild.yml": yaml, name: template] {
            try Files.replace("\(folder)/\(name)", with: Array(text.utf8))
        }
        return try await archives.plan(
            for: GuestOS(
                id: "g", name: "managed", type: .linux, distro: "", version: "", baseISO: "",
                template: .folder(path: folder), variables: variables, owner: "o",
                createdMilliseconds: 0))
    }

    private func refusal(
        _ yaml: String, _ template: String = template, _ variables: [String: String] = values,
        name: String = "managed.json"
    ) async throws -> String {
        let fault = await #expect(throws: TemplateFault.self) {
            _ = try await plan(yaml, template, variables, name: name)
        }
        return fault?.description ?? ""
    }

    private let yaml = "template: managed.json\nplaceholders: true\n"

    @Test("A template that is JSON only afterwards is accepted, and asks for an able agent")
    func accepted() async throws {
        let plan = try await plan(yaml)
        #expect(plan.recipe.packer?.placeholders == true)
        #expect(plan.recipe.abilities == [.packerOptions, .placeholders])
        #expect(plan.recipe.variables == Self.values)
        // Variables may be mappings as well.
        _ = try await self.plan(
            yaml + "variables: {NAME: a, IMAGE: b, METADATA: {AQ_OS: sl}}\n", Self.template, [:])
    }

    @Test("What cannot be replaced, or is not asked for, is refused with the reason")
    func refused() async throws {
        #expect(
            try await refusal("template: managed.json\n").contains(
                "the template is not valid JSON"))
        #expect(
            try await refusal(yaml, Self.template, ["NAME": "a", "IMAGE": "b"])
                == "managed.json: the template has $METADATA, which nothing sets: set the variable "
                + "METADATA")
        #expect(
            try await refusal(
                yaml, Self.template,
                Self.values.merging(["NAME": "a\", \"user_data_file\": \"/etc/shadow"]) { $1 }
            ).contains("the variable NAME cannot take the place of $NAME"))
        let broken = Self.template.replacing("\"flavor\"", with: "flavor")
        #expect(try await refusal(yaml, broken).contains("managed.json:2:"))
        #expect(
            try await refusal(yaml + "variables: {OTHER: x}\n").contains("'OTHER' is set"))
        #expect(
            try await refusal(
                "template: a.pkr.hcl\nplaceholders: true\n", "", [:], name: "a.pkr.hcl"
            ).contains("2:15: key 'placeholders': is allowed only with a template in JSON"))
    }
}
