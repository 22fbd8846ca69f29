import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// The command line, against a real coordinator.
@Suite struct CommandLineTests {
    private func aibuild(_ farm: Farm, _ words: String...) async throws -> Said {
        try await farm.aibuild(words)
    }

    @Test("Output that cannot be written is an error, and a reader that is gone is none")
    func unwritableOutput() async throws {
        let program = try FarmProgram.path("aibuild")
        let full = try await Command(
            ["sh", "-c", "'\(program)' --help >/dev/full"], environment: Command.minimalEnvironment
        )
        .run(timeoutSeconds: 300)
        #expect(full.status == .exited(7))
        #expect(
            full.stderrText == "aibuild: cannot write the output: No space left on device\n")
        let gone = try await Command(
            ["sh", "-c", "'\(program)' --help | true"], environment: Command.minimalEnvironment
        )
        .run(timeoutSeconds: 300)
        #expect(gone.stderrText == "")
    }

    // MARK: Test cases

    private let applies = "It applies to builds submitted from now on\n"

    @Test("Test cases are added, listed, shown, changed and removed")
    func testCaseCommands() async throws {
        try await withFarm(.withoutHosts) { farm in
            try Files.replace(farm.folder + "/selinux.sh", with: Array("#!/bin/sh\ntrue\n".utf8))
            try Files.replace(farm.folder + "/winrm.py", with: Array("#!/bin/env python3\n".utf8))
            let empty = try await aibuild(farm, "testcase", "list")
            #expect(empty.out.contains("No test cases"))
            for words in [
                ["selinux", "--type", "linux", "--script", "selinux.sh", "--limit", "60"],
                ["boots", "--type", "linux", "--builtin", "boot_repeated", "--times", "3"],
                ["boots", "--type", "windows", "--builtin", "boot"],
                ["winrm", "--type", "windows", "--program", "winrm.py"],
                ["by hand", "--type", "linux"],
            ] {
                let said = try await farm.aibuild(["testcase", "add"] + words)
                #expect(said.out == "Added test case \(words[0]). \(applies)")
            }
            let list = try await aibuild(farm, "testcase", "list", "--type", "linux")
            let rows = list.out.split(separator: "\n").map { row in
                row.split(separator: " ", omittingEmptySubsequences: true).dropLast()
                    .joined(separator: " ")
            }
            #expect(
                rows == [
                    "NAME TYPE RUNS LIMIT", "boots linux boot_repeated, 3 times -",
                    "by hand linux reported by other systems -",
                    "selinux linux script, 15 bytes 1 min",
                ])
            let program = try await aibuild(farm, "testcase", "show", "winrm")
            #expect(program.out.contains("program, 19 bytes"), "\(program.out)")
            #expect(program.out.hasSuffix("\n#!/bin/env python3\n"), "\(program.out)")
            try await change(farm)
            let gone = try await aibuild(farm, "testcase", "remove", "selinux")
            #expect(gone.out == "Removed test case selinux\n")
            #expect(try await aibuild(farm, "testcase", "show", "selinux").status == .exited(3))
        }
    }

    /// A test case from a spreadsheet has only a name; the command adds its action.
    private func change(_ farm: Farm) async throws {
        let longer = try await aibuild(farm, "testcase", "change", "selinux", "--limit", "90")
        #expect(longer.out == "Changed test case selinux. \(applies)")
        let shown = try await aibuild(farm, "testcase", "show", "selinux")
        #expect(shown.out.contains("1 min 30 s") && shown.out.contains("#!/bin/sh\ntrue\n"))
        _ = try await aibuild(farm, "testcase", "change", "by hand", "--script", "selinux.sh")
        let hand = try await aibuild(farm, "testcase", "show", "by hand")
        #expect(hand.out.contains("script, 15 bytes"))
        // Another kind of action replaces the first one with its time limits.
        _ = try await aibuild(
            farm, "testcase", "change", "boots", "--type", "linux", "--builtin", "shutdown")
        let json = try await aibuild(
            farm, "testcase", "show", "boots", "--type", "linux", "--json")
        #expect(json.out.contains(#""definition":{"builtin":"shutdown"}"#), "\(json.out)")
    }

    /// Each refusal says what is wrong, and in which argument or line of the file.
    @Test("An invalid test case is refused with the argument that is wrong")
    func testCaseErrorsNameArgument() async throws {
        try await withFarm(.withoutHosts) { farm in
            try Files.replace(farm.folder + "/text", with: Array("no first line\n".utf8))
            try Files.replace(farm.folder + "/bytes", with: [0xFF, 0xFE])
            try Files.replace(farm.folder + "/empty", with: [])
            try Files.replace(
                farm.folder + "/large", with: [UInt8](repeating: 0x23, count: 40_000))
            _ = try await aibuild(farm, "testcase", "add", "b", "--type", "linux")
            _ = try await aibuild(farm, "testcase", "add", "b", "--type", "windows")
            let refused: [(words: String, code: Int32, said: String)] = [
                ("add x", 2, "--type"),
                ("add x --os-type plan9", 2, "Unknown --type: plan9"),
                ("add x --os-type linux --times 3", 2, "--times and --limit need"),
                ("add x --os-type linux --builtin boot --times 3", 4, "allowed only there"),
                ("add x --os-type linux --builtin boot_repeated --times 999", 4, "use 2 to 100"),
                ("add x --os-type linux --builtin boot --limit 0", 4, "use 1 s to 24 h"),
                ("add x --os-type linux --builtin boot --limit soon", 2, "--limit needs a number"),
                ("add x --os-type linux --builtin reboot", 4, "builtin"),
                ("add x --os-type linux --script nowhere", 2, "Cannot open nowhere"),
                ("add x --os-type linux --script bytes", 2, "bytes: not UTF-8 text"),
                ("add x --os-type linux --script empty", 4, "the script has 0 bytes"),
                ("add x --os-type linux --program large", 4, "the program has 40000 bytes"),
                ("add x --os-type linux --program text", 4, "begin it with #!/bin/sh"),
                ("add x --os-type linux --program text --script text", 2, "--script and --program"),
                ("add b --os-type linux", 4, "'b'"),
                ("change b --limit 3", 4, "2 test cases are named 'b'"),
                ("change b --os-type linux --limit 3", 4, "a test case needs exactly one of"),
                ("change b --os-type linux", 2, "Nothing to change"),
                ("remove b", 4, "2 test cases are named 'b'"),
                ("remove x", 3, "'x'"),
                ("list --os-type plan9", 4, "Use linux, windows"),
            ]
            for line in refused {
                let words = line.words.split(separator: " ").map(String.init)
                let said = try await farm.aibuild(["testcase"] + words)
                #expect(said.status == .exited(line.code), "\(line.words): \(said)")
                #expect(said.err.contains(line.said), "\(line.words): \(said.err)")
            }
            let list = try await aibuild(farm, "testcase", "list")
            #expect(list.out.split(separator: "\n").count == 3, "nothing of it was stored")
        }
    }

    // MARK: Retention and releases

    @Test("Retention removes old builds but no pinned one")
    func pinAndRetention() async throws {
        let setup = Farm.Setup {
            $0.coordinatorLines = ["retention: {good_images: 1, grace: 0s}"]
        }
        try await withFarm(setup) { farm in
            let builds = try await farm.imageBuilds(3)
            #expect(try await aibuild(farm, "pin", "debian:1").out == "Pinned build debian:1\n")
            let planned = try await aibuild(farm, "retention", "--dry-run")
            let rows = planned.out.split(separator: "\n")
            #expect(rows.first?.contains("WOULD FREE") == true)
            #expect(rows.count == 2 && rows.last?.hasPrefix("debian:2") == true, "\(rows)")
            #expect(rows.last?.contains("debian keeps its newest 1 images") == true)
            try await expectPages(farm, builds)

            let gone = try await aibuild(farm, "retention")
            #expect(gone.out.contains("FREED") && gone.out.contains("debian:2"))
            #expect(try await aibuild(farm, "retention").out.contains("Nothing to remove"))
            let late = try await aibuild(farm, "pin", "debian:2")
            #expect(late.status == .exited(4))
            #expect(late.err.contains("were removed before: there is nothing left to keep"))
            let page = FarmClient.text(try await farm.api.get("/builds/\(builds[1].id)"))
            #expect(page.contains("image and logs were removed by the retention policy on"))
            #expect(
                try await aibuild(farm, "unpin", "debian:1").out
                    == "Unpinned build debian:1\n")
            let again = try await aibuild(farm, "retention", "--json")
            #expect(
                again.out.contains(#""guestOS":"debian""#) && again.out.contains(#""number":1"#))
            #expect(try await aibuild(farm, "pin", "debian:9").status == .exited(3))
        }
    }

    private func expectPages(_ farm: Farm, _ builds: [FarmBuild]) async throws {
        let pinned = FarmClient.text(try await farm.api.get("/builds/\(builds[0].id)"))
        #expect(
            pinned.contains("pinned; to unpin it") && pinned.contains("aibuild unpin debian:1"))
        let other = FarmClient.text(try await farm.api.get("/builds/\(builds[1].id)"))
        #expect(other.contains("aibuild pin debian:2") && !other.contains("to unpin it"))
        let page = FarmClient.text(try await farm.api.get("/retention"))
        #expect(page.contains("<a href=\"/builds/\(builds[1].id)\">debian:2</a>"))
        #expect(!page.contains(builds[0].id) && !page.contains(builds[2].id))
    }

    @Test("Without a retention policy nothing is removed, and the command says so")
    func retentionNeedsPolicy() async throws {
        try await withFarm(.withoutHosts) { farm in
            for words in [["retention"], ["retention", "--dry-run"]] {
                let said = try await farm.aibuild(words)
                #expect(said.status == .exited(4))
                #expect(said.err.contains("`retention` is not set in coordinator.yml"))
            }
            let page = FarmClient.text(try await farm.api.get("/retention"))
            #expect(page.contains("`retention` is not set in coordinator.yml"))
        }
    }

    @Test("Outputs of a build are listed and printed")
    func outputsAreListedAndPrinted() async throws {
        try await withFarm { farm in
            try await farm.script(
                "debian", Scripts.image(),
                files: [
                    "output/wiki note.txt.j2": "<b>{{ build.image_name }}</b>\n",
                    "output/stack.yml.j2": "image: {{ result_img_id }}\n",
                ])
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            let name = try #require(build.image).name
            let list = try await aibuild(farm, "outputs", "debian:1")
            let rows = list.out.split(separator: "\n")
            // The other one is kept because a release needs it.
            #expect(rows.count == 2 && rows.last?.hasPrefix("wiki note.txt  -") == true, "\(list)")
            let text = try await aibuild(
                farm, "outputs", "debian:1", "--print", "wiki note.txt")
            #expect(text.out == "<b>\(name)</b>\n")
            let missing = try await aibuild(farm, "outputs", "debian:1", "--print", "stack.yml")
            #expect(missing.status == .exited(3))
            #expect(missing.err.contains("no output 'stack.yml'\nIts outputs: wiki note.txt"))
            #expect(try await aibuild(farm, "outputs", "debian:2").status == .exited(3))

            let page = FarmClient.text(try await farm.api.get("/builds/\(build.id)"))
            let link = "/api/v1/builds/\(build.id)/outputs/wiki%20note.txt"
            #expect(page.contains("<a href=\"\(link)\">wiki note.txt</a>"), "\(page)")
            let linked = try await farm.api.get(link)
            #expect(FarmClient.text(linked) == text.out)
            #expect(linked.headers["Content-Type"] == "text/plain; charset=utf-8")
        }
    }
}
