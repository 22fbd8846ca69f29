import AgentCore
import BuildProtocol
import Support
import Testing

/// What is collected of what a build left.
@Suite struct OutputTests {
    /// A build of a script, with declarations of its aibuild.yml.
    private func build(
        _ script: String, artifacts: [ArtifactRule]? = nil, image: String? = nil,
        files: [String: String] = [:]
    ) async throws -> TestClient.Followed {
        try await withBuild(artifacts, image) { agent in
            var tar = TarFile()
            tar.add("build", "#!/bin/sh\nset -e\n" + script, mode: 0o755)
            for (name, text) in files.sorted(by: { $0.key < $1.key }) { tar.add(name, text) }
            return agent.start(try await agent.deliver(tar.archive))
        }
    }

    private func packer(
        _ template: String, artifacts: [ArtifactRule]? = nil, image: String? = nil
    ) async throws -> TestClient.Followed {
        try await withBuild(artifacts, image) { agent in
            var tar = TarFile()
            tar.add("t.json", template)
            return agent.start(
                try await agent.deliver(tar.archive), .packer(template: "t.json"))
        }
    }

    private func withBuild(
        _ artifacts: [ArtifactRule]?, _ image: String?,
        _ start: (TestAgent) async throws -> Start
    ) async throws -> TestClient.Followed {
        let agent = try TestAgent()
        var built: TestClient.Followed?
        try await agent.serve {
            var order = try await start(agent)
            order.recipe.artifacts = artifacts
            order.recipe.image = image.map { FilePattern($0) }
            built = try await agent.connect().build(order)
        }
        return try #require(built)
    }

    private func rule(_ files: String, _ kind: ArtifactKind) -> ArtifactRule {
        ArtifactRule(files: FilePattern(files), kind: kind)
    }

    // MARK: No disk image

    @Test(
        "A build whose result is no disk image is refused when it is collected",
        arguments: [
            "echo hello >$AIBUILD_OUTPUT/$AIBUILD_IMAGE_NAME.qcow2",
            "head -c 9999 /dev/zero | gzip >$AIBUILD_OUTPUT/disk.img.gz",
            "head -c 9999 /dev/zero | gzip >$AIBUILD_OUTPUT/disk.img",
            "tar cf $AIBUILD_OUTPUT/x.box build",
        ])
    func noDiskImage(script: String) async throws {
        let built = try await build(script)
        #expect(built.fault?.code == .noImage, "\(built.log)")
        #expect(built.fault?.class == .template)
        #expect(built.fault?.reason.contains("left no disk image, only '") == true)
        #expect(built.fault?.reason.contains("artifacts: [{files:") == true)
        #expect(built.finished.artifacts.isEmpty)
    }

    @Test(
        "What is declared is collected as what it is",
        arguments: [
            (
                "head -c 9999 /dev/zero | gzip >$AIBUILD_OUTPUT/disk.img.gz", "*.gz",
                ArtifactKind.archive
            ),
            ("tar czf custom.tar.gz build", "custom.tar.gz", .archive),
            ("mkdir -p o/x; tar cf o/x/g.box build", "**/*.box", .box),
            ("echo hello >$AIBUILD_OUTPUT/kernel", "kernel", .other),
        ])
    func declared(script: String, pattern: String, kind: ArtifactKind) async throws {
        let built = try await build(script, artifacts: [rule(pattern, kind)])
        #expect(built.fault == nil, "\(built.log)")
        let artifact = try #require(built.finished.artifacts.first)
        #expect(artifact.kind == kind && artifact.format == .file && artifact.isImage == nil)
    }

    @Test("Files of the output folder are collected beside what is declared")
    func besides() async throws {
        let built = try await build(
            "truncate -s 1M $AIBUILD_OUTPUT/a.raw; tar czf custom.tar.gz build",
            artifacts: [rule("*.tar.gz", .archive)])
        #expect(built.finished.artifacts.map(\.name) == ["a.raw", "custom.tar.gz"])
        #expect(built.finished.artifacts.map(\.kind) == [nil, .archive])
    }

    @Test("A declaration that names no file fails the build and says what was left")
    func undelivered() async throws {
        let built = try await build(
            "truncate -s 1M $AIBUILD_OUTPUT/a.raw", artifacts: [rule("*.tar.gz", .archive)])
        #expect(built.fault?.code == .noImage)
        #expect(built.fault?.reason.contains("'*.tar.gz'") == true)
        #expect(built.fault?.reason.contains("it left 'a.raw'") == true)
    }

    @Test(
        "A file that is not what it is declared to be is refused",
        arguments: [
            ("*.raw.gz", ArtifactKind.disk, "no disk image"), ("a.img", .archive, "neither"),
        ])
    func wrongKind(pattern: String, kind: ArtifactKind, words: String) async throws {
        let built = try await build(
            "cd $AIBUILD_OUTPUT; truncate -s 1M a.img; gzip <a.img >a.raw.gz",
            artifacts: [rule(pattern, kind)])
        #expect(built.fault?.code == .templateInvalid)
        #expect(built.fault?.reason.contains(words) == true, "\(built.fault?.reason ?? "")")
    }

    @Test("A declared link is not followed out of the attempt")
    func link() async throws {
        let built = try await build(
            "ln -s /etc/passwd out.tar; ln -s /etc dir", artifacts: [rule("out.tar", .other)])
        #expect(built.fault?.reason.contains("a symbolic link") == true)
        let inner = try await build("ln -s /etc dir", artifacts: [rule("dir/passwd", .other)])
        #expect(inner.fault?.code == .noImage, "\(inner.log)")
    }

    // MARK: Several images

    @Test("`image` marks the file that it names, in a folder too")
    func image() async throws {
        let built = try await build(
            """
            cd $AIBUILD_OUTPUT; mkdir bios uefi
            truncate -s 1M bios/disk.img; truncate -s 2M uefi/disk.img; echo vars >efivars.fd
            """, artifacts: [rule("*/disk.img", .disk)], image: "bios/disk.img")
        #expect(built.fault == nil, "\(built.log)")
        let artifacts = built.finished.artifacts
        #expect(
            Set(artifacts.map(\.name)) == ["bios-disk.img", "efivars.fd", "uefi-disk.img"])
        #expect(artifacts.filter { $0.isImage == true }.map(\.name) == ["bios-disk.img"])
    }

    @Test("A folder whose files nobody named is refused")
    func folder() async throws {
        let built = try await build(
            "mkdir $AIBUILD_OUTPUT/uefi; echo x >$AIBUILD_OUTPUT/uefi/a.img")
        #expect(built.fault?.code == .templateInvalid)
        #expect(built.fault?.reason.contains("left 'uefi', a folder") == true)
    }

    @Test("Two folders with one file name are collected under the names of both")
    func sameName() async throws {
        let built = try await packer(
            """
            {"variables": {"outdir": ""}, "builders": [
             {"type": "file", "name": "bios", "content": "bios",
              "target": "{{user `outdir`}}-bios/image.img"},
             {"type": "file", "name": "uefi", "content": "uefi",
              "target": "{{user `outdir`}}-uefi/image.img"}]}
            """)
        #expect(built.fault == nil, "\(built.log)")
        #expect(
            Set(built.finished.artifacts.map(\.name)) == ["bios-image.img", "uefi-image.img"])
    }

    // MARK: Post-processors

    private let file = #""builders": [{"type": "file", "content": "x", "target": "#

    @Test("An image that a post-processor renamed is found in the output folder")
    func renamed() async throws {
        let target = "{{user `outdir`}}"
        for name in ["\(target).img", "\(target)/a.img"] {
            let final = name == "\(target).img" ? "\(target)-final.raw" : "\(target)/b.raw"
            let built = try await packer(
                """
                {"variables": {"outdir": ""}, \(file)"\(name)"}],
                 "post-processors": [{"type": "shell-local",
                   "inline": ["mv \(name) \(final)"]}]}
                """)
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.finished.artifacts.map(\.format) == [.raw], "\(built.log)")
        }
    }

    @Test("An image that a post-processor compressed away is missed in words")
    func compressed() async throws {
        let template = """
            {"variables": {"outdir": ""}, \(file)"{{user `outdir`}}.img"}],
             "post-processors": [[
               {"type": "compress", "output": "{{user `outdir`}}.img.gz"},
               {"type": "checksum", "checksum_types": ["sha256"],
                "output": "{{user `outdir`}}.sha256"}]]}
            """
        let built = try await packer(template)
        #expect(built.fault?.code == .noImage, "\(built.log)")
        #expect(built.fault?.reason.contains("keep_input_artifact") == true)
        let declared = try await packer(template, artifacts: [rule("*.img.gz", .archive)])
        #expect(declared.fault == nil, "\(declared.log)")
        #expect(declared.finished.artifacts.contains { $0.kind == .archive })
    }

    @Test("What post-processors make beside the image is collected if it is named")
    func products() async throws {
        let built = try await packer(
            """
            {"variables": {"outdir": ""}, \(file)"{{user `outdir`}}/a.img"}],
             "post-processors": [{"type": "shell-local",
               "inline": ["tar czf custom.tar.gz -C {{user `outdir`}} ."]}]}
            """, artifacts: [rule("custom.tar.gz", .archive)], image: "custom.tar.gz")
        #expect(built.fault == nil, "\(built.log)")
        let tar = built.finished.artifacts.first { $0.name == "custom.tar.gz" }
        #expect(tar?.kind == .archive && tar?.isImage == true)
        #expect(built.finished.artifacts.count == 2)
    }
}
