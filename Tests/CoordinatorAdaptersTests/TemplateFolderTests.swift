import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Many templates in one repository, and one template for many guest OSes.
struct TemplateFolderTests {
    private let temporary: TemporaryFolder
    private let archives: TemplateArchives
    private var repository: String { temporary.path + "/repository" }

    init() throws {
        temporary = try TemporaryFolder()
        archives = try TemplateArchives(folder: temporary.path + "/archives")
    }

    private let images = [
        "images/debian/aibuild.yml": "template: d.json\ninclude: [scripts, ../common/keys]\n"
            + "variables: {mirror: a, release: bookworm}\n",
        "images/debian/d.json": #"{"variables":{"mirror":"","release":""},"builders":[]}"#,
        "images/debian/output/note.j2": "{{ guestos.name }}",
        "images/other/aibuild.yml": "builder: command\ncommand: [\"true\"]\n",
        "images/common/keys/a.pub": "key", "images/common/large": "large",
        "scripts/base.sh": "base", "README": "all",
    ]

    private func commit(_ files: [String: String]) async throws {
        for (name, text) in files {
            let path = "\(repository)/\(name)"
            try Files.makeFolder(Files.folder(of: path))
            try Files.replace(path, with: Array(text.utf8))
        }
        for arguments in [
            ["init", "--quiet", "--initial-branch=main"], ["add", "."],
            [
                "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m",
                "x",
            ],
        ] {
            let done = try await Command(
                ["git", "-C", repository] + arguments, environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300)
            #expect(done.status.isSuccess, "\(done.stderrText)")
        }
    }

    @Test("A link to what is not included is refused, one to what is included is not")
    func danglingLinks() async throws {
        try await commit(images)
        let link = "\(repository)/images/debian/functions"
        #expect(symlink("../../lib/functions", link) == 0)
        try await commit(["lib/functions": "x"])
        let fault = await #expect(throws: TemplateFault.self) {
            _ = try await plan("images/debian")
        }
        #expect(fault?.description.contains("to 'lib/functions' of the repository, which") == true)
        let all = "template: d.json\ninclude: [scripts, lib, ../common/keys]\n"
        try await commit(["images/debian/aibuild.yml": all])
        _ = try await plan("images/debian")
        let rootless = await #expect(throws: TemplateFault.self) { _ = try await plan(nil) }
        #expect(
            rootless?.description.hasSuffix(
                "has no aibuild.yml at its root; name the folder of a template with --path: "
                    + "images/debian, images/other") == true)
    }

    private func guestOS(_ path: String?, _ name: String = "mini") -> GuestOS {
        GuestOS(
            id: "g", name: name, type: .linux, distro: "", version: "", baseISO: "",
            template: .git(url: "file://\(repository)", ref: "main"), templatePath: path,
            owner: "o", createdMilliseconds: 0)
    }

    @Test("A change counts if it is in the folder, in what it includes, or in its paths")
    func touched() async throws {
        try await commit(images)
        let first = try await plan("images/debian")
        func isTouched(_ name: String, _ path: String?) async throws -> Bool {
            let old = try #require(first.commit)
            let new = try await archives.plan(for: guestOS(path))
            try await commit([name: "changed \(UInt32.random(in: .min ... .max))"])
            let changed = try await archives.plan(for: guestOS(path))
            #expect(new.commit != changed.commit)
            let isGone = try await archives.isTouched(
                guestOS(path), changed, since: "0123", asMergeRequest: false)
            #expect(isGone, "a commit that is not there any more")
            return try await archives.isTouched(
                guestOS(path), changed, since: new.commit ?? old, asMergeRequest: false)
        }
        #expect(try await isTouched("images/debian/d.json.md", "images/debian"))
        #expect(try await isTouched("scripts/base.sh", "images/debian"))
        #expect(try await isTouched("images/common/keys/b.pub", "images/debian"))
        #expect(try await !isTouched("README", "images/debian"))
        #expect(try await !isTouched("images/other/x", "images/debian"))
        let several =
            "paths: [scripts, './*.json', 'docs/**/*.md']\nbuilder: command\n"
            + "command: [\"true\"]\n"
        try await commit(["images/debian/aibuild.yml": several])
        #expect(try await isTouched("scripts/deep/base.sh", "images/debian"))
        #expect(try await isTouched("images/debian/d.json", "images/debian"))
        #expect(try await isTouched("docs/a/b.md", "images/debian"))
        #expect(try await !isTouched("docs/a/b.txt", "images/debian"))
        #expect(try await !isTouched("images/debian/other.txt", "images/debian"))
        // A template that is the whole repository.
        try await commit(["aibuild.yml": "builder: command\ncommand: [\"true\"]\n"])
        #expect(try await isTouched("README", nil))
    }

    private func plan(
        _ path: String?, variables: [String: String] = [:]
    ) async throws -> BuildPlan {
        try await archives.plan(
            for: GuestOS(
                id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
                template: .git(url: "file://\(repository)", ref: "main"), templatePath: path,
                variables: variables, owner: "o", createdMilliseconds: 0))
    }

    private func names(_ archive: TemplateArchive) async throws -> [String] {
        let list = try await Command(
            ["tar", "--list", "--file", archives.path(of: archive)],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        return list.stdoutText.split(separator: "\n").map(String.init)
            .filter { !$0.hasSuffix("/") }
    }

    @Test("The archive holds the template's folder and what it includes, and nothing else")
    func folderAndIncludes() async throws {
        try await commit(images)
        let plan = try await plan("images/debian")
        #expect(plan.template.folder == "images/debian")
        #expect(plan.template.abilities == [.templateFolder])
        #expect(plan.recipe.builder == .packer(template: "d.json"))
        #expect(
            try await names(plan.template) == [
                "images/common/keys/a.pub", "images/debian/aibuild.yml", "images/debian/d.json",
                "images/debian/output/note.j2", "scripts/base.sh",
            ])
        #expect(try await archives.outputs(of: plan.template, for: "x").map(\.name) == ["note"])
        let other = try await self.plan("images/other")
        #expect(try await names(other.template) == ["images/other/aibuild.yml"])
    }

    @Test("A folder without a template is refused, and those with one are named")
    func noTemplate() async throws {
        try await commit(images)
        for path in ["images/debain", "scripts"] {
            let fault = await #expect(throws: TemplateFault.self) { try await plan(path) }
            let text = fault?.description ?? ""
            #expect(text.contains("has no '\(path)/aibuild.yml' at "), "\(text)")
            #expect(text.hasSuffix("the templates are in images/debian, images/other"), "\(text)")
        }
    }

    @Test(
        "An include that is not there, or leads out of the repository, is refused",
        arguments: [
            ("../../../etc", "which leads out of the repository"), ("script", "has no 'script' at"),
            ("./gone", "has no 'images/debian/gone' at"), ("/etc/passwd", "aibuild.yml:2:11"),
            (":(top)scripts", "has no ':(top)scripts'"),
        ])
    func badIncludes(include: String, why: String) async throws {
        var files = images
        files["images/debian/aibuild.yml"] = "template: d.json\ninclude: ['\(include)']\n"
        try await commit(files)
        let fault = await #expect(throws: TemplateFault.self) { try await plan("images/debian") }
        #expect(fault?.description.contains(why) == true, "\(fault?.description ?? "")")
    }

    @Test("A link in the folder may lead to what is included") func links() async throws {
        try Files.makeFolder(repository + "/images/debian")
        let done = try await Command(
            ["ln", "-s", "../../scripts/base.sh", repository + "/images/debian/base.sh"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(done.status.isSuccess)
        try await commit(images)
        #expect(try await names(plan("images/debian").template).contains("images/debian/base.sh"))
    }

    @Test("Variables of a guest OS override those of the template, and are checked like them")
    func variables() async throws {
        try await commit(images)
        let own = try await plan("images/debian", variables: ["release": "trixie"])
        #expect(own.recipe.variables == ["mirror": "a", "release": "trixie"])
        let other = try await plan("images/debian")
        #expect(other.recipe.variables["release"] == "bookworm")
        #expect(own.template == other.template)
        let fault = await #expect(throws: TemplateFault.self) {
            try await plan("images/debian", variables: ["relaese": "x"])
        }
        #expect(fault?.description.contains("did you mean 'release'?") == true)
    }
}
