import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Templates from real folders and a real Git.
struct TemplateTests {
    private let temporary: TemporaryFolder
    private let archives: TemplateArchives

    init() throws {
        temporary = try TemporaryFolder()
        archives = try TemplateArchives(folder: temporary.path + "/archives")
    }

    private func guestOS(_ template: TemplateSource) -> GuestOS {
        GuestOS(
            id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
            template: template, owner: "o", createdMilliseconds: 0)
    }

    private func folder(_ yaml: String) throws -> String {
        let path = temporary.path + "/template"
        try Files.makeFolder(path)
        try Files.replace(path + "/aibuild.yml", with: Array(yaml.utf8))
        return path
    }

    private func plan(_ yaml: String) async throws -> BuildPlan {
        try await archives.plan(for: guestOS(.folder(path: folder(yaml))))
    }

    @Test("Every key of aibuild.yml is read") func everyKey() async throws {
        let plan = try await plan(
            """
            builder: command
            command: ["sh", "-c", "true"]
            variables: {version: 16.04}
            base_image: {url: "https://example.org/a.iso", sha256: none}
            requirements: {vcpus: 2, memory: 3GiB, disk: 5GiB, accelerator: tcg, tags: [ssd]}
            limits: {total: 2h, silence: 90s, log: 1MiB}
            concurrency: 3
            retries: 1
            image: "*-bios/disk.img"
            artifacts:
              - {files: "*.tar.gz", kind: archive}
              - {files: "out/**/*.box", kind: box}
            streams: separate
            """)
        #expect(plan.recipe.streams == .separate)
        #expect(plan.recipe.builder == .command(["sh", "-c", "true"]))
        #expect(plan.recipe.variables == ["version": "16.04"])
        #expect(plan.recipe.baseImage == BaseImage(url: "https://example.org/a.iso", sha256: nil))
        #expect(
            plan.requirements
                == Requirements(
                    vcpus: 2, memoryBytes: 3 << 30, diskBytes: 5 << 30, accelerator: .tcg,
                    tags: ["ssd"]))
        #expect(
            plan.limits
                == AttemptLimits(totalSeconds: 7200, silenceSeconds: 90, logBytes: 1 << 20))
        #expect(plan.concurrency == 3)
        #expect(plan.retries == 1)
        #expect(plan.recipe.image == FilePattern("*-bios/disk.img"))
        #expect(
            plan.recipe.artifacts == [
                ArtifactRule(files: FilePattern("*.tar.gz"), kind: .archive),
                ArtifactRule(files: FilePattern("out/**/*.box"), kind: .box),
            ])
    }

    @Test(
        "A mistake is reported with its position",
        arguments: [
            ("bilder: packer\ntemplate: a.json", "aibuild.yml:1:1", "builder"),
            (
                "template: a.json\nrequirements: {memory: lots}", "aibuild.yml:2:",
                "requirements.memory"
            ),
            ("template: ../a.json", "aibuild.yml:1:", "template"),
            (
                "template: a.json\nbase_image: {url: 'ftp://x/y', sha256: none}", "aibuild.yml:2:",
                "url"
            ),
            ("template: a.json\nbase_image: {url: 'http://x/y'}", "aibuild.yml:2:", "sha256"),
            ("builder: command\ncommand: []", "aibuild.yml:2:", "command"),
            ("template: a.json\nlimits: {total: 0s}", "aibuild.yml:2:", "limits.total"),
            ("template: a.json\nimage: /x", "aibuild.yml:2:", "image"),
            ("template: a.json\nimage: none", "aibuild.yml:2:", "builder: command"),
            ("template: a.json\njenkins: true", "aibuild.yml:2:", "builder: command"),
            ("template: a.json\nartifacts: []", "aibuild.yml:2:", "artifacts"),
            ("template: a.json\nartifacts: [{files: x}]", "aibuild.yml:2:", "artifacts[0].kind"),
            (
                "template: a.json\nartifacts: [{files: x, kind: disc}]", "aibuild.yml:2:",
                "disk, archive, box, other"
            ),
            (
                "template: a.json\nartifacts: [{files: ../x, kind: disk}]", "aibuild.yml:2:",
                "artifacts[0].files"
            ),
            ("template: a.json\nstreams: merged", "aibuild.yml:2:", "streams"),
            ("builder: command\ncommand: [x]\nstreams: seperate", "aibuild.yml:3:", "separate"),
        ])
    func mistakes(yaml: String, place: String, key: String) async throws {
        let fault = await #expect(throws: TemplateFault.self) { _ = try await plan(yaml) }
        #expect(fault?.description.contains(place) == true, "\(fault?.description ?? "")")
        #expect(fault?.description.contains(key) == true, "\(fault?.description ?? "")")
    }

    @Test("The tests of a template are read") func tests() async throws {
        let path = try folder(
            """
            builder: command
            command: ["true"]
            requirements: {vcpus: 2, memory: 2GiB, tags: [ssd]}
            tests:
              login: {user: debian, password_file: tests/password}
              port: 2222
              boot_limit: 90s
              memory: 1GiB
              disk_bus: scsi
              network: e1000
              firmware: uefi
              skip: [not this]
              cases:
                - {name: boots, builtin: boot}
                - {name: boots again, builtin: boot_repeated, times: 3, limit: 1m}
                - {name: a script, script: tests/a.sh}
                - {name: goss, program: [./tests/goss.sh, --fast], limit: 20s}
                - {name: off, builtin: shutdown}
            """)
        try Files.makeFolder(path + "/tests")
        for name in ["password", "a.sh", "goss.sh"] {
            try Files.replace("\(path)/tests/\(name)", with: [0x78])
        }
        let tests = try #require(
            try await archives.plan(for: guestOS(.folder(path: path))).tests)
        #expect(tests.skip == ["not this"])
        #expect(
            tests.requirements
                == Requirements(
                    vcpus: 2, memoryBytes: 1 << 30, diskBytes: 1 << 30, tags: ["ssd"]))
        #expect(
            tests.plan
                == TestPlan(
                    login: GuestLogin(user: "debian", method: .password, path: "tests/password"),
                    port: 2222, bootSeconds: 90, disk: .scsi, network: .e1000, firmware: .uefi,
                    cases: [
                        PlannedTest(name: "boots", kind: .boot, limitSeconds: 90),
                        PlannedTest(
                            name: "boots again", kind: .bootRepeated, limitSeconds: 60, times: 3),
                        PlannedTest(
                            name: "a script", kind: .script, limitSeconds: 600, path: "tests/a.sh"),
                        PlannedTest(
                            name: "goss", kind: .program, limitSeconds: 20,
                            command: ["./tests/goss.sh", "--fast"]),
                        PlannedTest(name: "off", kind: .shutdown, limitSeconds: 600),
                    ]))
    }

    @Test(
        "A mistake in the tests is reported with its position",
        arguments: [
            ("login: {user: root}", ":4:", "tests.login"),
            ("login: {user: root, key: k, cloud_init: true}", ":4:", "tests.login"),
            ("firmware: efi", ":4:", "tests.firmware"),
            ("cases: [{name: x}]", ":4:", "tests.cases[0].name"),
            ("cases: [{name: x, builtin: boot, script: s}]", ":4:", "tests.cases[0].name"),
            ("cases: [{name: x, builtin: reboot}]", ":4:", "tests.cases[0].builtin"),
            ("cases: [{name: x, builtin: boot, times: 2}]", ":4:", "tests.cases[0].times"),
            ("cases: [{name: x, script: s}]", ":4:", "needs a login"),
            ("cases: [{name: x, builtin: boot, limits: 3s}]", ":4:", "did you mean 'limit'"),
            ("cases: [{name: x, builtin: boot}, {name: x, builtin: boot}]", ":4:", "already"),
            ("cases: [{name: x, program: [./not-there]}]", "not-there", "not in"),
        ])
    func mistakesInTests(
        yaml: String, place: String, words: String
    ) async throws {
        let fault = await #expect(throws: TemplateFault.self) {
            _ = try await plan("builder: command\ncommand: [\"true\"]\ntests:\n  \(yaml)\n")
        }
        let text = fault?.description ?? ""
        #expect(text.contains(place) && text.contains(words), "\(text)")
    }

    @Test("A missing template file is reported") func missingFile() async throws {
        let fault = await #expect(throws: TemplateFault.self) {
            _ = try await plan("template: debian.json")
        }
        #expect(fault?.description.contains("'debian.json'") == true)
    }

    @Test("The same files give the same archive") func archiveIsReproducible() async throws {
        let path = try folder("builder: command\ncommand: [\"true\"]")
        let first = try await archives.plan(for: guestOS(.folder(path: path)))
        let copy = temporary.path + "/copy"
        let copied = try await Command(
            ["cp", "-r", path, copy], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(copied.status.isSuccess)
        let second = try await archives.plan(for: guestOS(.folder(path: copy)))
        #expect(first.template == second.template)
        try Files.replace(path + "/more", with: [1])
        let third = try await archives.plan(for: guestOS(.folder(path: path)))
        #expect(third.template != first.template)
        let bytes = try await archives.read(first.template, from: 0)
        #expect(SHA256.hex(bytes) == first.template.sha256)
    }

    @Test("A Git repository is archived at its commit") func gitArchive() async throws {
        let path = try folder("builder: command\ncommand: [\"true\"]")
        func git(_ words: String...) async throws -> String {
            var environment = Command.minimalEnvironment
            environment["HOME"] = temporary.path
            let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
            let result = try await Command(
                ["git", "-C", path] + identity + words, environment: environment
            ).run(timeoutSeconds: 300)
            try #require(result.status.isSuccess, "\(result.stderrText)")
            return result.stdoutText
        }
        _ = try await git("init", "--quiet", "--initial-branch=main")
        _ = try await git("add", ".")
        _ = try await git("commit", "--quiet", "-m", "one")
        let commit = try await git("rev-parse", "HEAD").filter { !$0.isNewline }
        let source = TemplateSource.git(url: "file://\(path)", ref: "main")
        // Concurrently, like two submissions: Git must not fail on its own locks.
        async let one = archives.plan(for: guestOS(source))
        async let two = archives.plan(for: guestOS(source))
        let plans = try await [one, two]
        #expect(plans.map(\.commit) == [commit, commit])
        #expect(plans[0].template == plans[1].template)
        let fault = await #expect(throws: TemplateFault.self) {
            _ = try await archives.plan(
                for: guestOS(.git(url: "file://\(path)", ref: "nowhere")))
        }
        #expect(fault?.description.contains("nowhere") == true)
    }

    /// `ext::` would run a program; a leading dash would be an option.
    @Test(
        "A Git address that could run a program is refused",
        arguments: ["ext::sh -c true", "--upload-pack=true", ""])
    func unsafeGitAddress(url: String) async throws {
        await #expect(throws: TemplateFault.self) {
            _ = try await archives.plan(for: guestOS(.git(url: url, ref: "main")))
        }
    }

    @Test("Variables that together are too large are refused") func largeVariables() async throws {
        let value = String(repeating: "x", count: ProtocolLimits.variableValueBytes)
        let yaml = (0..<17).map { "  v\($0): \(value)" }.joined(separator: "\n")
        let fault = await #expect(throws: TemplateFault.self) {
            try await plan("builder: command\ncommand: [\"true\"]\nvariables:\n\(yaml)\n")
        }
        #expect(fault?.description.contains("262144 are allowed") == true)
    }

    @Test("A template of very many files is read, and its outputs with it")
    func manyFiles() async throws {
        let path = try folder(
            "builder: command\ncommand: [\"./make\"]\n")
        try Files.replace(path + "/make", with: [])
        try Files.makeFolder(path + "/output/inner")
        try Files.replace(path + "/output/stack.yml.j2", with: Array("{{ guestos.name }}".utf8))
        try Files.replace(path + "/output/inner/not.j2", with: [])
        // Their names have more than 1 MiB.
        let long = String(repeating: "n", count: 200)
        try Files.makeFolder(path + "/data")
        for index in 0..<6_000 {
            _ = try Descriptor("\(path)/data/\(long)\(index)", O_WRONLY | O_CREAT, mode: 0o644)
        }
        let plan = try await archives.plan(for: guestOS(.folder(path: path)))
        for _ in 1...2 {
            let outputs = try await archives.outputs(of: plan.template, for: "debian")
            #expect(outputs.map(\.name) == ["stack.yml"])
        }
        // The archive itself is not read again for a view.
        let archive = try archives.path(of: plan.template)
        try Files.replace(
            archive, with: [UInt8](repeating: 0, count: Int(plan.template.sizeBytes)))
        #expect(try await archives.outputs(of: plan.template, for: "debian").count == 1)
    }

    @Test("Each image has the outputs of the folder that it names")
    func ownOutputs() async throws {
        let path = try folder(
            """
            builder: command
            command: ["true"]
            images:
              a: {outputs: ./bundle-a/output/}
              b: {}
            """)
        try Files.makeFolder(path + "/output")
        try Files.makeFolder(path + "/bundle-a/output/deeper")
        for file in ["output/note", "bundle-a/output/stack", "bundle-a/output/deeper/not"] {
            try Files.replace("\(path)/\(file).j2", with: Array("of \(file)".utf8))
        }
        for (name, texts) in [
            "a": ["stack": "of bundle-a/output/stack"], "b": ["note": "of output/note"],
        ] {
            var guestOS = guestOS(.folder(path: path))
            guestOS.name = name
            let plan = try await archives.plan(for: guestOS)
            let files = try await archives.outputs(of: plan.template, for: name)
            let found = try files.map { ($0.name, try $0.template.render([:])) }
            #expect(Dictionary(uniqueKeysWithValues: found) == texts)
        }
        // What the coordinator reads must not be a link.
        try #require(symlink("stack.j2", path + "/bundle-a/output/link.j2") == 0)
        var linked = guestOS(.folder(path: path))
        linked.name = "a"
        let plan = try await archives.plan(for: linked)
        let fault = await #expect(throws: TemplateFault.self) {
            try await archives.outputs(of: plan.template, for: "a")
        }
        #expect(fault?.description.contains("bundle-a/output/link.j2 is a link") == true)
    }
}
