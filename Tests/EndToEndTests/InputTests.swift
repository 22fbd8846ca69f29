import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// Templates and base images that are not what they should be.
@Suite struct InputTests {
    @Test func aBaseImageIsHandedToTheBuild() async throws {
        try await Farm.run { farm in
            try Files.replace("\(farm.folder)/base.img", with: "the base".utf8)
            let digest = SHA256.hex("the base".utf8)
            try await farm.script(
                "debian", "cat \"$AIBUILD_BASE_IMAGE\"; echo; \(Scripts.image())",
                yaml: "base_image: {url: \"file://\(farm.folder)/base.img\", sha256: \(digest)}\n")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "passed", "\(build)")
            let log = String(decoding: try await farm.api.log(build), as: UTF8.self)
            #expect(log.contains(#""m":"the base""#))
        }
    }

    @Test func aBaseImageOfAnotherDigest() async throws {
        try await Farm.run { farm in
            try Files.replace("\(farm.folder)/base.img", with: "something else".utf8)
            let digest = SHA256.hex("the base".utf8)
            let url = "file://\(farm.folder)/base.img"
            try await farm.script(
                "debian", Scripts.image(),
                yaml: "base_image: {url: \"\(url)\", sha256: \(digest)}\n")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "failed" && build.fault?.code == "base_image.digest")
            let reason = build.fault?.reason ?? ""
            #expect(reason.contains("base.img") && reason.contains(digest), "\(reason)")
            #expect(reason.contains(SHA256.hex("something else".utf8)), "\(reason)")
            #expect(build.attempts?.count == 1, "no retry")
        }
    }

    @Test func aBaseImageThatIsNotThere() async throws {
        try await Farm.run { farm in
            let url = "\(farm.api.base)/images/no-such.iso"
            try await farm.script(
                "debian", Scripts.image(), yaml: "base_image: {url: \"\(url)\", sha256: none}\n")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "failed" && build.fault?.code == "base_image.missing")
            let reason = build.fault?.reason ?? ""
            #expect(reason.contains("404") && reason.contains(url), "\(reason)")
            #expect(build.attempts?.count == 1, "no retry")
        }
    }

    @Test func aCommandThatFailsGivesItsLastLines() async throws {
        try await Farm.run { farm in
            try await farm.script(
                "debian", "echo all is well; echo the disk is missing >&2; exit 7")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "failed" && build.fault?.code == "command.failed")
            #expect(build.fault?.reason.contains("the disk is missing") == true)
            #expect(build.fault?.reason.contains("7") == true)
            #expect(build.attempts?.last?.outcome?.exitCode == 7)
            #expect(build.attempts?.count == 1, "no retry")
        }
    }

    // MARK: aibuild.yml

    static let mistakes: [(yaml: String, words: [String])] = [
        ("builder: comand\ncommand: [x]\n", ["aibuild.yml:1:10", "builder", "command"]),
        ("builder: command\ncomand: [x]\n", ["aibuild.yml", "command"]),
        (
            "builder: command\ncommand: [true]\nrequirments: {vcpus: 1}\n",
            ["aibuild.yml:3:1", "requirments", "requirements"]
        ),
        (
            "builder: command\ncommand: [true]\nrequirements:\n  vcpus: two\n",
            ["aibuild.yml:4:10", "vcpus", "two"]
        ),
        (
            "builder: command\ncommand: [true]\nrequirements:\n  memory: much\n",
            ["aibuild.yml:4:11", "memory"]
        ),
        (
            "builder: command\ncommand: [true]\nlimits: {total: 0s}\n",
            ["aibuild.yml:3:17", "total"]
        ),
        (
            "builder: command\ncommand: [true]\nrequirements: {tags: [\"a/b\"]}\n",
            ["aibuild.yml:3", "tag", "'/'"]
        ),
        ("builder: command\ncommand: [\n", ["aibuild.yml"]),
        ("builder: packer\ntemplate: ../../etc/passwd\n", ["aibuild.yml:2:11", "template"]),
        ("builder: packer\ntemplate: none.json\n", ["none.json", "which is not in"]),
        ("builder: command\ncommand: [./none.sh]\n", ["none.sh", "which is not in"]),
        (
            "builder: command\ncommand: [true]\nbase_image: {url: \"ftp://x/y\", sha256: none}\n",
            ["aibuild.yml:3:19", "url"]
        ),
        (
            "builder: command\ncommand: [true]\nbase_image: {url: \"http://x/y\"}\n",
            ["aibuild.yml:3", "sha256"]
        ),
        (
            "builder: command\ncommand: [true]\nbase_image: {url: \"http://x/y\", sha256: abc}\n",
            ["aibuild.yml:3:41", "sha256"]
        ),
    ]

    @Test func mistakesInATemplateNameTheirPlace() async throws {
        var setup = Farm.Setup()
        setup.hosts = 0
        try await Farm.run(setup) { farm in
            for (index, mistake) in Self.mistakes.enumerated() {
                let folder = try farm.writeTemplate("t\(index)", mistake.yaml)
                let answer = try await farm.api.register(guestOS: "t\(index)", folder: folder)
                #expect(answer.status == 422, "\(mistake.yaml)")
                let detail = try farm.api.problem(answer).detail
                for word in mistake.words { #expect(detail.contains(word), "\(detail)") }
            }
            #expect(
                try FarmClient.decode(
                    FarmList<Named>.self, try await farm.api.get("/api/v1/guestos")
                ).items.isEmpty, "nothing was registered")
        }
    }

    struct Named: Decodable, Sendable { var name: String }

    @Test func aTemplateThatIsNotThere() async throws {
        var setup = Farm.Setup()
        setup.hosts = 0
        try await Farm.run(setup) { farm in
            for (folder, words) in [
                ("\(farm.folder)/none", "does not exist"), ("relative", "no absolute path"),
                (farm.configPath, "is a file"), (farm.webRoot, "has no aibuild.yml"),
            ] {
                let answer = try await farm.api.register(guestOS: "x", folder: folder)
                #expect(answer.status == 422)
                #expect(try farm.api.problem(answer).detail.contains(words))
            }
        }
    }

    /// Found again at submission: what was sound when it was registered may be broken now.
    @Test func aTemplateThatWasBrokenMeanwhile() async throws {
        var setup = Farm.Setup()
        setup.hosts = 0
        try await Farm.run(setup) { farm in
            try await farm.script("debian", Scripts.image())
            try farm.writeTemplate("debian", "builder: command\ncommand: 7\n")
            let answer = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"debian"}"#)
            #expect(answer.status == 422)
            #expect(try farm.api.problem(answer).detail.contains("aibuild.yml:2:10"))
        }
    }
}
