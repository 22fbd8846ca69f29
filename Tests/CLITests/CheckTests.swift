import FoundationEssentials
import Glibc
import ProcessKit
import Support
import Templates
import TestSupport
import Testing

@testable import aibuild

/// `aibuild check`, with the Packer of this machine.
struct CheckTests {
    private let temporary: TemporaryFolder
    private let folder: String

    init() throws {
        temporary = try TemporaryFolder()
        folder = temporary.path + "/t"
    }

    private func write(_ files: [String: String]) throws {
        for (name, text) in files {
            let path = "\(folder)/\(name)"
            try Files.makeFolder(Files.folder(of: path))
            try Files.replace(path, with: Array(text.utf8))
        }
    }

    private func check(_ options: String...) async -> Ran {
        let console = TestConsole()
        // No coordinator is there to be asked.
        let code = await CLI(
            console: console.console(isTerminal: false),
            variables: ["AIBUILD_URL": "http://127.0.0.1:1"]
        ).run(["check", folder] + options)
        return Ran(code: code, out: console.out, err: console.err)
    }

    private static let template = #"""
        {"builders": [{"type": "file", "target": "{{user `outdir`}}/{{user `vmname`}}",
          "content": "{{user `size`}}"}]}
        """#

    @Test("A template that Packer takes is sound")
    func sound() async throws {
        try write([
            "aibuild.yml": "template: guest.json\nvariables: {size: 3}\n",
            "guest.json": Self.template,
        ])
        let ran = await check()
        #expect(ran.out == "\(folder): the template is sound\n")
        #expect(ran.code == .ok && ran.err.isEmpty)
    }

    @Test("Several mistakes of aibuild.yml are told at once, and a time zone that is unknown")
    func mistakes() async throws {
        try write([
            "aibuild.yml": "tempalte: guest.json\nlimits: {duration: 5 m}\nlfs: 7\n",
            "guest.json": Self.template,
        ])
        let ran = await check()
        #expect(ran.code == .buildFailed)
        for place in ["1:1", "2:10", "3:6"] {
            #expect(ran.out.contains("\(folder)/aibuild.yml:\(place): "), "\(ran.out)")
        }
        #expect(ran.out.split(separator: "\n").count == 3)
        try write([
            "aibuild.yml": """
            template: guest.json
            variables: {size: 3}
            schedule: {cron: "0 3 * * *", time_zone: Europe/Berln}
            """
        ])
        #expect(await check().out.contains("there is no time zone 'Europe/Berln' on this machine"))
    }

    @Test("Submodules of a clone are looked at if the template asks for them")
    func submodules() async throws {
        let other = try await GitRepository(temporary.path + "/other", "--initial-branch=main")
        try Files.replace(other.path + "/guest.json", with: Array(Self.template.utf8))
        try await other.commit()
        let clone = try await GitRepository(folder, "--initial-branch=main")
        try await clone.run(
            "git -c protocol.file.allow=always submodule --quiet add ../other sub")
        try write(["aibuild.yml": "template: sub/guest.json\nvariables: {size: 3}\n"])
        #expect(await check().out.contains("the submodule 'sub', whose files are missing"))
        try write([
            "aibuild.yml": "template: sub/guest.json\nvariables: {size: 3}\nsubmodules: true\n"
        ])
        #expect(await check().out == "\(folder): the template is sound\n")
    }

    @Test("Every broken image is told, with file, line and column")
    func broken() async throws {
        try write([
            "aibuild.yml": """
            template: guest.json
            images:
              one:
              two: {template: gest.json}
              three: {variables: {size: 3, sixe: 4}}
            """, "guest.json": Self.template,
        ])
        let ran = await check()
        #expect(ran.code == .buildFailed)
        #expect(ran.out.contains("\(folder)/guest.json:2:14: image one: the template uses the "))
        #expect(ran.out.contains("\(folder)/aibuild.yml:4:19: image two: names 'gest.json', "))
        #expect(ran.out.contains("image three: the variable 'sixe' is set"))
        #expect(ran.out.contains("did you mean 'size'?"))
        let json = try JSONDecoder().decode(
            [Report].self, from: Data(await check("--json").out.utf8))
        #expect(json.first?.ok == false && json.first?.images == ["one", "three", "two"])
        let two = try #require(json.first?.problems.first { $0.image == "two" })
        #expect(two.file == folder + "/aibuild.yml" && two.line == 4 && two.column == 19)
        // What a guest OS sets is not missing.
        #expect(!(await check("--var", "size=9").out.contains("image one")))
    }

    private struct Report: Decodable {
        struct Problem: Decodable {
            var file: String?
            var line, column: Int?
            var image: String?
        }
        var ok: Bool
        var images: [String]
        var problems: [Problem]
    }

    @Test("A fault of the defaults is told once, a wrong key with the one that was meant")
    func wrongKey() async throws {
        try write(["aibuild.yml": "tempalte: x\nimages: {one: , two: }\n"])
        let ran = await check()
        #expect(
            ran.out.hasPrefix("\(folder)/aibuild.yml:1:1: key 'tempalte': is not known; did you "))
        #expect(ran.out.split(separator: "\n").count == 1)
    }

    @Test("What only Packer knows is told in its words, unless it is not asked")
    func packer() async throws {
        try write([
            "aibuild.yml": "template: guest.json\nvariables: {size: 3}\n",
            "guest.json": Self.template.replacing("\"file\"", with: "\"flie\""),
        ])
        let ran = await check()
        #expect(ran.code == .buildFailed)
        #expect(ran.out.contains("Packer") && ran.out.contains("guest.json"))
        #expect(ran.out.contains("flie"))
        #expect(await check("--no-packer").code == .ok)
    }

    @Test("Without the secrets of a build, Packer is not asked, and that is said")
    func secrets() async throws {
        try write([
            "aibuild.yml": """
            template: guest.json
            variables: {size: 3}
            environment: {CLOUD_PASSWORD: {secret: cloud}}
            """,
            "guest.json": Self.template.replacing("\"file\"", with: "\"flie\""),
        ])
        let ran = await check()
        #expect(ran.code == .ok && ran.out == "\(folder): the template is sound\n")
        #expect(ran.err.hasPrefix("packer validate was skipped: "), "\(ran.err)")
    }

    @Test("A template that is a link is not looked at, and that is said")
    func link() async throws {
        try write([
            "aibuild.yml": "template: guest.json\n", "other.json": "no JSON",
        ])
        try #require(symlink("other.json", folder + "/guest.json") == 0)
        let ran = await check()
        #expect(ran.code == .ok)
        #expect(ran.err.hasPrefix("guest.json was not looked at, because"), "\(ran.err)")
        try Files.remove(folder + "/other.json")
        let dangling = await check()
        #expect(dangling.code == .buildFailed)
        #expect(dangling.out.contains("guest.json is a link to a file that does not exist"))
    }

    @Test("A template of an old Packer without a checksum is told what to write")
    func oldChecksum() async throws {
        try write([
            "aibuild.yml": "template: guest.json\n",
            "guest.json": #"""
            {"builders": [{"type": "qemu", "iso_url": "http://h/x.iso", "ssh_username": "root",
              "iso_checksum_type": "none", "accelerator": "tcg"}]}
            """#,
        ])
        #expect(await check().out.contains(#"write "iso_checksum": "none" instead"#))
    }

    @Test("Templates of a test and outputs are looked at")
    func outputs() async throws {
        try write([
            "aibuild.yml": "builder: command\ncommand: [./b]\n", "b": "#!/bin/sh\n",
            "output/stack.yml.j2": "x\nimage: {{ build.nmae }}\n",
        ])
        let ran = await check()
        #expect(ran.out.hasPrefix("\(folder)/output/stack.yml.j2:2:8: unknown name 'build.nmae'"))
        #expect(ran.code == .buildFailed)
    }

    @Test("Each image has the outputs of its folder, with its own variables")
    func outputsOfImages() async throws {
        try write([
            "aibuild.yml": """
            builder: command
            command: [./b]
            images:
              one:
                variables: {size: "1"}
                outputs: one/output
              two: {outputs: two/output}
            """, "b": "#!/bin/sh\n",
            "one/output/stack.yml.j2": "{{ variables.size }}\n",
        ])
        #expect(
            await check().out.contains(
                "aibuild.yml:7:18: image two: names the folder 'two/output' for outputs, and there "
                    + "is nothing in it"))
        try write(["two/output/notes": "", "two/output/deeper/stack.j2": ""])
        #expect(
            await check().out.contains(
                "aibuild.yml:7:18: image two: names the folder 'two/output' for outputs, and no "
                    + "file directly in it ends in .j2, so nothing would be rendered"))
        try write(["two/output/stack.yml.j2": "{{ variables.size }}\n"])
        let out = await check().out
        #expect(
            out.contains("two/output/stack.yml.j2:1:1: image two: unknown name 'variables.size'"))
        try write(["two/output/stack.yml.j2": "{{ build.number }}\n"])
        #expect(await check().code == .ok)
    }

    @Test("In a repository, what Git ignores is no part of the template, and include: is")
    func repository() async throws {
        try write([
            "aibuild.yml": "builder: command\ncommand: [./b]\ninclude: [lib]\n", "b": "#!/bin/sh\n",
            ".gitignore": "*.qcow2\n", "large.qcow2": "",
        ])
        // Larger than a template may be, and takes no space.
        try #require(truncate(folder + "/large.qcow2", 1 << 40) == 0)
        try Files.makeFolder(temporary.path + "/lib")
        try Files.replace(temporary.path + "/lib/functions", with: Array("x".utf8))
        let git = Command(
            ["git", "init", "-q", temporary.path], environment: Command.minimalEnvironment)
        #expect(try await git.run(timeoutSeconds: 300).status.isSuccess)
        let ran = await check()
        #expect(ran.code == .ok, "\(ran)")
        try Files.remove(temporary.path + "/lib")
        #expect(await check().out.contains("include has 'lib', but the repository has no 'lib'"))
    }

    @Test("What is no template is refused with what is missing")
    func noTemplate() async throws {
        try Files.makeFolder(folder)
        #expect(await check().out == "'\(folder)' has no aibuild.yml: it is not a template\n")
        #expect(await check("--schema").out == String(decoding: TemplateKeys.schema, as: UTF8.self))
    }
}
