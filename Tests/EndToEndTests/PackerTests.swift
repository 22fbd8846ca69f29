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
                "'\(Self.example)/prepare.sh' \(farm.folder)/mini 2>/dev/null", timeoutSeconds: 120
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

    @Test("A template that Packer rejects is a template fault without a retry")
    func rejectedTemplateQuotesPacker() async throws {
        try await withFarm { farm in
            try await farm.template(
                "debian",
                "builder: packer\ntemplate: t.json\nrequirements: {memory: 64MiB, disk: 1MiB}\n",
                files: ["t.json": #"{"builders":[{"type":"no-such-builder"}]}"#])
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "failed" && build.fault?.class == "template")
            #expect(build.fault?.reason.contains("no-such-builder") == true, "\(build)")
            #expect(build.attempts?.count == 1, "no retry")
        }
    }
}
