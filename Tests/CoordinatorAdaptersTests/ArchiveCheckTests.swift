import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// What a host would refuse once it has unpacked a template is refused when it is registered.
struct ArchiveCheckTests {
    private let temporary: TemporaryFolder
    private let template: String
    private let archives: TemplateArchives

    init() throws {
        temporary = try TemporaryFolder()
        template = temporary.path + "/template"
        archives = try TemplateArchives(folder: temporary.path + "/archives")
        try Files.makeFolder(template + "/inner/deeper")
        try Files.makeFolder(template + "/output")
        try Files.replace(
            template + "/aibuild.yml", with: Array("builder: command\ncommand: [\"true\"]\n".utf8))
        try Files.replace(template + "/file", with: [7])
    }

    private func plan(_ source: TemplateSource? = nil) async throws -> BuildPlan {
        try await archives.plan(
            for: GuestOS(
                id: "g", name: "mini", type: .linux, distro: "", version: "", baseISO: "",
                template: source ?? .folder(path: template), owner: "o", createdMilliseconds: 0))
    }

    private func expectRefusal(_ words: [String], _ source: TemplateSource? = nil) async throws {
        let fault = await #expect(throws: TemplateFault.self) { _ = try await plan(source) }
        for word in words {
            #expect(fault?.description.contains(word) == true, "\(word): \(fault as Any)")
        }
    }

    private func addLink(_ name: String, to target: String) throws {
        try Files.remove("\(template)/\(name)")
        #expect(symlink(target, "\(template)/\(name)") == 0)
    }

    @Test("Links within the template are accepted, however long their names are")
    func linksInside() async throws {
        let long = String(repeating: "n", count: 200)
        try Files.replace("\(template)/\(long)", with: [])
        try addLink("inner/deeper/up", to: "../../file")
        try addLink("inner/\(long)", to: "../\(long)")
        try addLink("inner/dangling", to: "nothing")
        try addLink("output/linked.txt", to: "../file")
        #expect(try await plan().recipe.builder == .command(["true"]))
    }

    @Test(
        "A link that leads out of the template is refused with its name",
        arguments: [
            ("inner/out", "/etc/passwd"), ("out", ".."), ("inner/out", "../../x"),
            ("inner/out", "deeper/../../x"),
            (String(repeating: "n", count: 200), "../" + String(repeating: "t", count: 150)),
        ])
    func linksOutside(name: String, target: String) async throws {
        try addLink(name, to: target)
        try await expectRefusal(["'\(name)' to '\(target)'", "leads out of it"])
    }

    @Test("Hard links and pipes are refused with their names")
    func hardLinks() async throws {
        #expect(link(template + "/file", template + "/inner/second") == 0)
        try await expectRefusal(["'inner/second', a hard link to 'file'"])
        try Files.remove(template + "/inner/second")
        #expect(mkfifo(template + "/inner/pipe", 0o600) == 0)
        try await expectRefusal(["'inner/pipe'", "not a file, folder or link"])
    }

    @Test("A link is refused where the coordinator reads a file", arguments: [true, false])
    func linksThatAreRead(isOutput: Bool) async throws {
        let name = isOutput ? "output/stack.yml.j2" : "aibuild.yml"
        let original = isOutput ? "file" : "original.yml"
        if !isOutput {
            try Files.rename(template + "/aibuild.yml", to: "\(template)/\(original)")
        }
        try addLink(name, to: isOutput ? "../file" : original)
        try await expectRefusal(["the link '\(name)'", "make it a file"])
    }

    @Test("Folders that are nested too deeply for a host are refused")
    func deepFolders() async throws {
        var path = template
        for _ in 0..<31 { path += "/d" }
        try Files.makeFolder(path)
        _ = try await plan()
        for _ in 0..<70 { path += "/d" }
        try Files.makeFolder(path)
        try await expectRefusal(["deep"])
    }

    @Test("The content of a Git repository is checked alike") func gitRepository() async throws {
        var environment = Command.minimalEnvironment
        environment["HOME"] = temporary.path
        func git(_ words: String...) async throws {
            let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
            let result = try await Command(
                ["git", "-C", template] + identity + words, environment: environment
            ).run(timeoutSeconds: 300)
            try #require(result.status.isSuccess, "\(result.stderrText)")
        }
        let long = String(repeating: "n", count: 150)
        try addLink("inner/\(long)", to: "/\(long)")
        try await git("init", "--quiet", "--initial-branch=main")
        try await git("add", ".")
        try await git("commit", "--quiet", "-m", "one")
        try await expectRefusal(
            ["'inner/\(long)' to '/\(long)'"], .git(url: "file://\(template)", ref: "main"))
    }
}
