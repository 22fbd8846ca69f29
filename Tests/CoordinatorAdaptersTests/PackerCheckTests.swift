import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import PackerKit
import Support
import TestSupport
import Testing
import TextKit

/// What is said about a Packer template when it is registered or submitted, before a host is
/// involved.
struct PackerCheckTests {
    private let temporary: TemporaryFolder
    private let archives: TemplateArchives

    init() throws {
        temporary = try TemporaryFolder()
        archives = try TemplateArchives(folder: temporary.path + "/archives")
    }

    private func plan(
        _ yaml: String, _ files: [String: String], startedBy kind: BuildOrigin.Kind? = nil
    ) async throws -> BuildPlan {
        let folder = temporary.path + "/template"
        for (name, text) in files.merging(["aibuild.yml": yaml], uniquingKeysWith: { $1 }) {
            let path = "\(folder)/\(name)"
            try Files.makeFolder(Files.folder(of: path))
            try Files.replace(path, with: Array(text.utf8))
        }
        return try await archives.plan(
            for: GuestOS(
                id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
                template: .folder(path: folder), owner: "o", createdMilliseconds: 0),
            startedBy: kind)
    }

    private func refusal(_ yaml: String, _ files: [String: String]) async throws -> String {
        let fault = await #expect(throws: TemplateFault.self) { _ = try await plan(yaml, files) }
        return fault?.description ?? ""
    }

    /// As the templates of the original AIBuild: nothing is declared.
    private func original(_ accelerator: String = "") -> [String: String] {
        [
            "guest.json": #"""
            {"builders": [{
              "type": "qemu", \#(accelerator)
              "vm_name": "{{ user `vmname` }}", "output_directory": "{{ user `outdir` }}",
              "iso_url": "{{ user `isourl` }}", "iso_checksum": "none", "ssh_username": "root"
            }]}
            """#
        ]
    }

    private let base = "base_image: {url: 'file:///x', sha256: none}\n"

    // MARK: Variables

    @Test("A template that only refers to the agent's variables is accepted as it is")
    func undeclaredVariables() async throws {
        let plan = try await plan("template: guest.json\n" + base, original())
        #expect(plan.packer == PackerNeeds())
        #expect(plan.recipe.variables.isEmpty)
    }

    @Test("A user variable that nothing sets is refused with its place and what to do")
    func unsetReference() async throws {
        #expect(
            try await refusal("template: guest.json\n", original())
                == "guest.json:4:14: the template uses the variable 'isourl', which nothing sets: "
                + "add base_image: to aibuild.yml, or set it under variables: there")
        let files = ["t.json": #"{"builders":[{"type":"file","target":"{{user `vmnam`}}"}]}"#]
        let why = try await refusal("template: t.json", files)
        #expect(why.contains("t.json:1:38: the template uses the variable 'vmnam'"), "\(why)")
        #expect(why.contains("did you mean 'vmname'?"), "\(why)")
        let set = try await plan("template: t.json\nvariables: {vmnam: ''}", files)
        #expect(set.recipe.variables == ["vmnam": ""])
    }

    @Test("A required variable that nothing sets is refused, in JSON and in HCL2")
    func requiredVariables() async throws {
        let json = ["t.json": #"{"variables":{"a":null},"builders":[{"type":"null"}]}"#]
        let why = try await refusal("template: t.json", json)
        #expect(why.hasPrefix("t.json:1:19: the template requires the variable 'a'"), "\(why)")
        let hcl = [
            "p/v.pkr.hcl": "variable \"outdir\" {}\nvariable \"size\" { type = number }\n",
            "p/b.pkr.hcl": "source \"null\" \"a\" {}\nbuild { sources = [\"null.a\"] }",
        ]
        let missing = try await refusal("template: p", hcl)
        #expect(missing.hasPrefix("p/v.pkr.hcl:2:1: the template requires the variable 'size'"))
        for files in [
            ["p/x.auto.pkrvars.hcl": "size = 1"], ["p/x.auto.pkrvars.json": "{\"size\":1}"],
        ] {
            _ = try await plan("template: p", hcl.merging(files) { $1 })
            try Files.remove("\(temporary.path)/template/\(files.keys.first ?? "")")
        }
        let given = try await plan(
            "template: p\nvar_files: [e/d.pkrvars.hcl]",
            hcl.merging(["e/d.pkrvars.hcl": "size = 1"]) { $1 })
        #expect(given.recipe.packer?.varFiles == ["e/d.pkrvars.hcl"])
        #expect(given.recipe.abilities == [.packerOptions])
    }

    @Test("Variables of triggers are for the builds that they start, and all are checked")
    func triggerVariables() async throws {
        let files = ["t.json": #"{"variables":{"mirror":"","a":""},"builders":[{"type":"null"}]}"#]
        let yaml = """
            template: t.json
            variables: {mirror: image}
            triggers:
              variables:
                tags: {mirror: released}
                schedule: {mirror: nightly, a: "1"}
            """
        var plan = try await plan(yaml, files)
        #expect(plan.recipe.variables == ["mirror": "image"])
        #expect(plan.hostVariables == ["a", "mirror"])
        plan = try await self.plan(yaml, files, startedBy: .tag)
        #expect(plan.recipe.variables == ["mirror": "released"])
        #expect(plan.variableOrigins == ["mirror": .trigger])
        plan = try await self.plan(yaml, files, startedBy: .schedule)
        #expect(plan.recipe.variables == ["mirror": "nightly", "a": "1"])
        let why = try await refusal(yaml.replacing("tags: {mirror", with: "tags: {miror"), files)
        #expect(why.contains("'miror'") && why.contains("did you mean 'mirror'?"), "\(why)")
    }

    @Test("A variable that the template does not know is refused, with the nearest one")
    func unknownVariable() async throws {
        let files = ["t.json": #"{"variables":{"mirror":""},"builders":[{"type":"null"}]}"#]
        let why = try await refusal("template: t.json\nvariables: {miror: x}", files)
        #expect(why.contains("'miror'") && why.contains("did you mean 'mirror'?"), "\(why)")
        let typed = try await refusal("template: t.json\nvariables: {mirror: {a: b}}", files)
        #expect(typed.contains("is a mapping"), "\(typed)")
    }

    @Test("Lists, maps, numbers and booleans keep their types in lists and mappings")
    func typedVariables() async throws {
        let files = [
            "t.pkr.hcl": """
            variable "l" {}
            variable "m" {}
            variable "n" {}
            source "null" "a" {}
            build { sources = ["null.a"] }
            """
        ]
        let yaml = """
            template: t.pkr.hcl
            variables:
              l: [a, "1", 1, 1.10, 1.5, true, no, ~]
              m: {a: {b: [c]}}
              n: 1.10
            """
        let recipe = try await plan(yaml, files).recipe
        #expect(recipe.variables == ["n": "1.10"])
        #expect(
            recipe.values == [
                "l": .array([
                    .string("a"), .string("1"), .int(1), .string("1.10"), .double(1.5),
                    .bool(true), .string("no"), .null,
                ]),
                "m": .object(["a": .object(["b": .array([.string("c")])])]),
            ])
    }

    @Test("An environment names secrets, and sets variables of HCL2 by PKR_VAR_")
    func environment() async throws {
        let files = [
            "t.pkr.hcl":
                "variable \"a\" {}\nsource \"null\" \"a\" {}\nbuild { sources = [\"null.a\"] }"
        ]
        let yaml = """
            template: t.pkr.hcl
            environment:
              PKR_VAR_a: {secret: admin}
              KEY: {secret_file: google}
              PLAIN: 1.10
            """
        let recipe = try await plan(yaml, files).recipe
        #expect(
            recipe.environment == [
                "PKR_VAR_a": .secret("admin"), "KEY": .secretFile("google"),
                "PLAIN": .text("1.10"),
            ])
        #expect(recipe.secrets == ["admin", "google"])
        #expect(recipe.abilities == [.environment])
        for (line, why) in [
            ("PATH: x", "PATH is set by the agent"), ("A: {secrets: x}", "expected a text"),
            ("A: {secret: x, secret_file: y}", "expected a text"), ("A: [x]", "expected a text"),
            ("A-B: x", "cannot be an environment variable"), ("A: {secret: ../x}", "expected"),
        ] {
            let fault = try await refusal("template: t.pkr.hcl\nenvironment: {\(line)}", files)
            #expect(fault.contains("aibuild.yml:2:") && fault.contains(why), "\(fault)")
        }
    }

    // MARK: Folders

    @Test("One file of a folder whose sources are elsewhere is refused, and the folder named")
    func singleFile() async throws {
        let files = [
            "packer/a.pkr.hcl": "source \"null\" \"a\" {}\n",
            "packer/b.pkr.hcl": "build { sources = [\"source.null.a\"] }\n",
        ]
        #expect(
            try await refusal("template: packer/b.pkr.hcl", files)
                == "packer/b.pkr.hcl:1:9: the build names source.null.a, which is not in this "
                + "file; for all files of its folder, write template: packer in aibuild.yml")
        #expect(
            try await plan("template: packer", files).recipe.builder == .packer(template: "packer"))
        let root = ["a.pkr.hcl": "source \"null\" \"a\" {}\nbuild { sources = [\"null.a\"] }"]
        #expect(try await plan("template: .", root).recipe.builder == .packer(template: "."))
    }

    @Test("A folder without HCL2 is refused") func emptyFolder() async throws {
        let why = try await refusal("template: sub", ["sub/a.json": "{}"])
        #expect(why == "the folder 'sub' has no *.pkr.hcl: name a file, or another folder")
    }

    // MARK: Sources

    private let several = [
        "t.json": #"""
        {"builders": [
          {"type": "virtualbox-iso", "iso_url": "{{user `vbox_iso`}}"},
          {"type": "file", "name": "qemu", "content": "x", "target": "x"}]}
        """#
    ]

    @Test("A template for several hypervisors is told how to choose")
    func severalHypervisors() async throws {
        #expect(
            try await refusal("template: t.json", several)
                == "t.json:2:3: the source virtualbox-iso needs a hypervisor that hosts do not "
                + "have (virtualbox-iso): write only: [qemu] in aibuild.yml")
        let only = try await plan("template: t.json\nonly: [qemu]", several)
        #expect(only.recipe.packer == PackerOptions(only: ["qemu"]))
        let except = try await plan("template: t.json\nexcept: [virtualbox-iso]", several)
        #expect(except.recipe.packer?.except == ["virtualbox-iso"])
    }

    @Test(
        "A pattern that names no source is refused, with the nearest and all sources",
        arguments: [("only: [quemu]", "did you mean 'qemu'?"), ("except: ['qem*']", "only")])
    func unknownSource(line: String, hint: String) async throws {
        let why = try await refusal("template: t.json\n\(line)", several)
        #expect(why.contains("the sources are virtualbox-iso, qemu"), "\(why)")
        #expect(line.hasPrefix("except") || why.contains(hint), "\(why)")
    }

    @Test("Steps name sources of HCL2 by pattern, and exclude only") func steps() async throws {
        let files = [
            "t.pkr.hcl": """
            source "null" "a" {}
            build {
              name    = "image.deps"
              sources = ["null.a"]
            }
            build {
              name    = "image.disk"
              sources = ["null.a"]
            }
            """
        ]
        let plan = try await plan("template: t.pkr.hcl\nsteps: [image.deps.*, '*.disk.*']", files)
        #expect(plan.recipe.packer?.runs == [["image.deps.*"], ["*.disk.*"]])
        let why = try await refusal("template: t.pkr.hcl\nsteps: [image.deps]", files)
        #expect(why.contains("steps has 'image.deps', which names no source"), "\(why)")
        let both = try await refusal("template: t.pkr.hcl\nonly: ['*']\nsteps: ['*']", files)
        #expect(both.contains("aibuild.yml:3:8: key 'steps': replaces only"), "\(both)")
    }

    // MARK: Needs

    @Test("What a template needs of Packer is part of its plan") func needs() async throws {
        let plan = try await plan(
            "template: t.pkr.hcl",
            ["t.pkr.hcl": "packer { required_version = \">= 1.7.0\" }\nbuild {}"])
        #expect(plan.packer?.versions.map(\.constraint) == [">= 1.7.0"])
    }

    @Test("A hard-coded kvm goes into the plan with its place; an override or a variable does not")
    func accelerator() async throws {
        let yaml = "template: guest.json\n" + base
        let fixed = original(#""accelerator": "kvm","#)
        #expect(
            try await plan(yaml, fixed).acceleratorReason
                == "the template asks for kvm (guest.json:2:34): use {{user `accelerator`}} "
                + "there, or set accelerator: override in aibuild.yml")
        let override = try await plan(yaml + "accelerator: override", fixed)
        #expect(override.acceleratorReason == nil)
        #expect(override.recipe.packer?.overridesAccelerator == true)
        let required = try await plan(yaml + "requirements: {accelerator: kvm}", fixed)
        #expect(required.acceleratorReason == nil)
        let conflict = try await refusal(yaml + "requirements: {accelerator: tcg}", fixed)
        #expect(conflict.hasPrefix("aibuild.yml requires accelerator: tcg, but the template asks"))
        for other in ["", #""accelerator": "{{user `accelerator`}}","#, #""accelerator": "tcg","#] {
            #expect(try await plan(yaml, original(other)).acceleratorReason == nil)
        }
        let variable = try await plan(
            yaml + "variables: {accelerator: kvm}",
            original(#""accelerator": "{{user `accelerator`}}","#))
        #expect(variable.acceleratorReason != nil)
    }

    @Test("A template that is not valid JSON is refused with its place")
    func invalidJSON() async throws {
        let why = try await refusal("template: t.json", ["t.json": "{\n  'a': 1}"])
        #expect(why.hasPrefix("t.json:2:3: the template is not valid JSON"), "\(why)")
    }
}
