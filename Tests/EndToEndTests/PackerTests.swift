import ProcessKit
import HTTPClientKit
import HTTPTypes
import Support
import TestSupport
import Testing

/// Builds by real Packer and QEMU.
@Suite struct PackerTests {
    private static var example: String {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return here.dropLast(3).joined(separator: "/") + "/examples/mini-linux"
    }

    @Test("Packer and QEMU build an image that is tested and released")
    func packerBuildsTestedImage() async throws {
        try await withFarm { farm in
            let folder = try await farm.shell(
                "'\(Self.example)/prepare.sh' \(farm.folder)/mini 2>/dev/null", timeoutSeconds: 300
            ).filter { $0 != "\n" }
            #expect(try await farm.api.register(guestOS: "mini", folder: folder).status == 201)
            let build = try await farm.api.submit("mini")
            let passed = try await farm.api.end(of: build, seconds: 240)
            try #require(passed.state == "passed", "\(passed)")
            let image = try #require(passed.image)
            #expect(image.format == "qcow2" && image.virtualSizeBytes ?? 0 > 1 << 20)
            let info = try await farm.shell("qemu-img check \(farm.webRoot)/\(image.path) 2>&1")
            #expect(info.contains("No errors were found"), "\(info)")
            let attempts = try #require(passed.attempts)
            #expect(attempts.map(\.stage) == ["build", "test"])
            #expect(attempts.map(\.accelerator) == ["tcg", "tcg"])
            #expect(
                passed.tests?.map { "\($0.name) \($0.result)" }
                    == ["boots passed", "system passed", "shuts-down passed"])
            #expect(image.path.hasPrefix("images/release/mini/"))
            let log = String(
                decoding: try await farm.api.log(build, attempt: attempts[0].attempt),
                as: UTF8.self)
            #expect(log.contains("Connected to SSH"), "what Packer says is in the log")
            try await eventually("nothing is left") {
                farm.buildProcesses().isEmpty && farm.hosts[0].attempts.isEmpty
            }
        }
    }

    @Test("A failed template is a template fault that quotes Packer")
    func failedTemplateQuotesPacker() async throws {
        try await withFarm { farm in
            try await farm.template(
                "debian",
                "builder: packer\ntemplate: t.json\nrequirements: {memory: 64MiB, disk: 1MiB}\n",
                files: [
                    "t.json": """
                    {"builders":[{"type":"file","source":"/no/such/source","target":"x.img"}]}
                    """
                ])
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "failed")
            #expect(build.fault?.class == "template" && build.fault?.code == "packer.failed")
            #expect(build.fault?.reason.contains("/no/such/source") == true, "\(build)")
            #expect(build.attempts?.count == 1, "no retry")
        }
    }

    @Test("The reason of a failed build names the provisioner, its first error and where that is")
    func reasonNamesFirstError() async throws {
        try await withFarm { farm in
            try await farm.template(
                "debian",
                "builder: packer\ntemplate: t.json\nrequirements: {memory: 64MiB, disk: 1MiB}\n",
                files: [
                    "t.json": """
                    {"builders":[{"type":"null","communicator":"none"}],"provisioners":[
                      {"type":"shell-local","inline":["echo 'E: survived' >&2"]},
                      {"type":"shell-local","inline":["printf 'Reading package lists...\\n'",
                        "printf '\\u001b[1;31mE:\\u001b[0m ' >&2",
                        "echo Unable to locate package foo-bar >&2",
                        "exit 100"]}]}
                    """
                ])
            let build = try await farm.api.submit("debian")
            let reason = try #require(try await farm.api.end(of: build).fault?.reason)
            let lines = reason.split(separator: "\n").map(String.init)
            let words = "provisioner 2 (inline shell commands) failed: E: Unable to locate package "
            #expect(lines.first?.hasPrefix(words + "foo-bar (line ") == true, "\(reason)")
            let number = try #require(lines[0].split(separator: " ").dropLast(3).last)
            let log = try await farm.aibuild(["logs", "debian:1"]).out
                .split(separator: "\n")
            #expect(log[try #require(Int(number)) - 1].contains("Unable to locate package"))
            #expect(lines.contains { $0.hasSuffix("Reading package lists...") }, "\(reason)")
            #expect(reason.contains("Script exited with non-zero exit status: 100"))
            #expect(!reason.contains("\u{1B}") && !lines[0].contains("survived"))
        }
    }

    @Test("A template that Packer rejects is refused when it is submitted, in Packer's words")
    func rejectedTemplateIsRefused() async throws {
        try await withFarm { farm in
            try await farm.template(
                "debian",
                "builder: packer\ntemplate: t.json\nrequirements: {memory: 64MiB, disk: 1MiB}\n",
                files: ["t.json": #"{"builders":[{"type":"no-such-builder"}]}"#])
            let said = try await farm.aibuild(["build", "debian"])
            #expect(said.status == .exited(4), "\(said)")
            #expect(said.err.contains("no-such-builder"), "\(said)")
            #expect(said.err.contains("No build was queued"), "\(said)")
            #expect(try await farm.api.builds().isEmpty)
            for host in farm.hosts { #expect(host.checks.isEmpty, "nothing is left") }
        }
    }
}
