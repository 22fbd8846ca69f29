import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing
import TextKit

/// Invalid templates and base images.
@Suite struct InputTests {
    @Test("A base image reaches the build")
    func baseImageReachesBuild() async throws {
        try await withFarm { farm in
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

    @Test("A base image with a wrong digest fails the build without a retry")
    func wrongBaseImageDigestFails() async throws {
        try await withFarm { farm in
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

    @Test("A missing base image fails the build without a retry")
    func missingBaseImageFails() async throws {
        try await withFarm { farm in
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

    @Test("A failed command is quoted with its last lines and exit status")
    func failedCommandIsQuoted() async throws {
        try await withFarm { farm in
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

    @Test("Errors in aibuild.yml name line, column and key")
    func recipeErrorsAreLocated() async throws {
        try await withFarm(.withoutHosts) { farm in
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

    @Test("A template folder that is missing or unusable is refused")
    func missingTemplateIsRefused() async throws {
        try await withFarm(.withoutHosts) { farm in
            for (folder, words) in [
                ("\(farm.folder)/none", "does not exist"), ("relative", "not an absolute path"),
                (farm.configPath, "is a file"), (farm.webRoot, "has no aibuild.yml"),
            ] {
                let answer = try await farm.api.register(guestOS: "x", folder: folder)
                #expect(answer.status == 422)
                #expect(try farm.api.problem(answer).detail.contains(words))
            }
        }
    }

    /// Checked again at submission: a template that was valid when it was registered may be invalid
    /// now.
    @Test("A template that broke after its registration is refused at submission")
    func brokenTemplateIsRefusedAtSubmission() async throws {
        try await withFarm(.withoutHosts) { farm in
            try await farm.script("debian", Scripts.image())
            try farm.writeTemplate("debian", "builder: command\ncommand: 7\n")
            let answer = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"debian"}"#)
            #expect(answer.status == 422)
            #expect(try farm.api.problem(answer).detail.contains("aibuild.yml:2:10"))
        }
    }

    // MARK: Names and paths

    @Test("Files with unusual names are published and served")
    func unusualNamesArePublished() async throws {
        try await withFarm { farm in
            try await farm.script(
                "debian",
                """
                cd "$AIBUILD_OUTPUT"
                head -c 65536 /dev/zero > '\u{5FAE}\u{8F6F} disk.raw'
                echo notes > "it's \u{1F600}; \\$(id) & notes.txt"
                """)
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            try #require(build.state == "passed", "\(build)")
            #expect(build.image?.name == build.imageName + ".raw")
            let folder = "\(farm.webRoot)/images/build/debian"
            let names = try Files.list(folder)
            let notes = "\(build.imageName)-it's \u{1F600}; $(id) & notes.txt"
            #expect(names.contains(notes), "\(names)")
            try await farm.shell("cd \(folder) && sha256sum --check --strict SHA256SUMS")
            let path = "/images/build/debian/" + PercentCoding.encode(notes)
            #expect(try await farm.api.get(path).body == Array("notes\n".utf8))
        }
    }

    @Test(
        "An artifact with an unusable name or type fails the build",
        arguments: [
            (#"printf x > "$(printf 'a\nb.raw')""#, "unusable name"),
            ("printf x > .hidden.raw", "unusable name"),
            ("ln -s /etc/passwd disk.raw", "symbolic link"),
            ("mkdir disk.raw; touch disk.raw/x", "folder"),
            ("mkfifo disk.raw", "not a plain file"),
        ])
    func unusableArtifactsFail(_ script: String, _ words: String) async throws {
        try await withFarm { farm in
            try await farm.script("debian", "cd \"$AIBUILD_OUTPUT\"; " + script)
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "failed", "\(build)")
            #expect(build.fault?.class == "template")
            #expect(build.fault?.reason.contains(words) == true, "\(build.fault?.reason ?? "")")
        }
    }

    @Test("A command build that declares no image passes and publishes nothing")
    func buildWithoutImagePasses() async throws {
        try await withFarm { farm in
            try await farm.script("debian", "echo nothing to do", yaml: "image: none\n")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "passed" && build.image == nil, "\(build)")
            #expect(try Files.list("\(farm.webRoot)/images/build/debian").isEmpty)
        }
    }

    @Test("A Git template is built at its commit, and hostile URLs and refs are refused")
    func gitTemplateIsBuiltAtCommit() async throws {
        try await withFarm { farm in
            let folder = try farm.writeScript("git", "echo first\n" + Scripts.image())
            let commit = try await farm.shell(
                """
                cd \(folder)
                git init -q -b main .
                git -c user.name=t -c user.email=t@t add .
                git -c user.name=t -c user.email=t@t commit -q -m first
                git rev-parse HEAD
                """
            ).filter { $0 != "\n" }
            func register(_ name: String, _ url: String, _ ref: String) async throws -> HTTPAnswer {
                try await farm.api.send(
                    "POST", "/api/v1/guestos",
                    json: """
                        {"name":"\(name)","type":"linux","template":{"kind":"git",\
                        "url":\(FarmClient.quoted(url)),"ref":\(FarmClient.quoted(ref))}}
                        """)
            }
            #expect(try await register("debian", "file://\(folder)", "main").status == 201)
            for (url, ref) in [
                ("file://\(folder)", "no-such-branch"), ("file://\(folder)/none", "main"),
                ("ext::sh -c 'touch \(farm.folder)/hacked'", "main"),
                ("--upload-pack=touch \(farm.folder)/hacked", "main"),
                ("file://\(folder)", "--output=\(farm.folder)/hacked"), ("", "main"),
                ("file://\(folder)", "main\n"), ("file://\(folder)\0", "main"),
            ] {
                let answer = try await register("x", url, ref)
                #expect(answer.status == 422, "\(url) \(ref): \(FarmClient.text(answer))")
            }
            #expect(!Files.exists("\(farm.folder)/hacked"))

            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            try #require(build.state == "passed", "\(build)")
            let detail = FarmClient.text(try await farm.api.get("/api/v1/builds/\(build.id)"))
            #expect(detail.contains("\"commit\":\"\(commit)\""))
            let log = String(decoding: try await farm.api.log(build), as: UTF8.self)
            #expect(log.contains(#""m":"first""#))
        }
    }

    @Test("Hostile template paths are refused")
    func hostileTemplatePathsAreRefused() async throws {
        try await withFarm(.withoutHosts) { farm in
            for folder in [
                "", "/", "/\0", "/tmp/a\nb", "../..", "/" + String(repeating: "a", count: 300),
                "/\u{5FAE}\u{8F6F}/\u{1F600}",
            ] {
                let answer = try await farm.api.register(guestOS: "x", folder: folder)
                #expect(answer.status == 422, "\(folder): \(FarmClient.text(answer))")
            }
        }
    }
}
