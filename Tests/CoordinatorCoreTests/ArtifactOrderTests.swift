import BuildProtocol
import CoordinatorCore
import Testing

/// Which file of a build is its image, and what the files are called.
@Suite struct ArtifactOrderTests {
    private static let name = "debian12x86_64_20261129_1"

    private func file(
        _ name: String, _ format: ImageFormat = .qcow2, _ size: Int64 = 1,
        _ kind: ArtifactKind? = nil, isImage: Bool? = nil
    ) -> Artifact {
        Artifact(
            name: name, sizeBytes: size, sha256: "sha of " + name, format: format, kind: kind,
            isImage: isImage)
    }

    private func image(_ artifacts: [Artifact], published: String? = nil) -> String? {
        ArtifactOrder(artifacts, imageName: Self.name, published: published).sorted.first?.name
    }

    @Test("The largest disk image is the image, whatever else there is")
    func largest() {
        let files = [file("a"), file("b", .raw, 2), file("big.tar", .file, 9), file("c", .raw, 2)]
        #expect(image(files) == "b")
        #expect(image(files.reversed()) == "b")
    }

    @Test(
        "A file with the image's name is the image, however large others are",
        arguments: [name, name + ".qcow2", name + ".img"])
    func named(_ name: String) {
        #expect(image([file(name), file(name + "-1", .raw, 9), file("data.img", .raw, 9)]) == name)
        // Other builds' images, and Packer's data disks, only begin with it.
        #expect(image([file(Self.name + "0.qcow2", .raw, 9), file(name)]) == name)
    }

    @Test("A data disk that is numbered after another disk is not the image")
    func dataDisks() {
        #expect(image([file("guest.qcow2-1", .qcow2, 9), file("guest.qcow2")]) == "guest.qcow2")
        #expect(image([file("guest-10", .raw, 9), file("guest", .raw)]) == "guest")
        // Nothing is numbered after a file that is not there.
        #expect(image([file("debian-12", .raw, 9), file("a", .raw)]) == "debian-12")
    }

    @Test("What `image` of aibuild.yml names is the image, even if it is no disk image")
    func chosen() {
        let tar = file("custom.tar.gz", .file, 1, .archive, isImage: true)
        #expect(image([file(Self.name + ".qcow2", .qcow2, 9), tar]) == "custom.tar.gz")
    }

    @Test("Without a disk image, what is declared as packed is the product")
    func products() {
        let sum = file(Self.name + ".sha256", .file, 9, .other)
        #expect(image([sum, file("x.box", .file, 1, .box)]) == "x.box")
        #expect(image([file("notes", .file, 99), sum]) == sum.name)
    }

    @Test("An image that was published stays the image")
    func published() {
        let files = [file("old", .raw, 9), file(Self.name)]
        #expect(image(files, published: "sha of old") == "old")
    }

    @Test(
        "A product that is no disk image is published with its own ending",
        arguments: [
            ("custom.tar.gz", ".tar.gz"), ("disk.qcow2.zst", ".qcow2.zst"), ("v1.2.gz", ".gz"),
            ("x.box", ".box"), ("a b.tgz", ".tgz"), ("root.squashfs", ".squashfs"),
            ("README", "-README"), ("x.a_b", "-x.a_b"),
        ])
    func endings(name: String, published: String) {
        let artifact = file(name, .file, 1, .archive)
        #expect(artifact.publishedName(at: 0, imageName: "i") == "i" + published)
        #expect(artifact.publishedName(at: 1, imageName: "i") == "i-" + name)
    }

    @Test("A disk image is published with the extension of its format")
    func disks() {
        #expect(file("x.img").publishedName(at: 0, imageName: "i") == "i.qcow2")
        #expect(file("x.img").publishedName(at: 1, imageName: "i") == "i-x.img")
    }

    @Test("A build that left no disk image is refused unless that was declared")
    func refusals() {
        var recipe = BuildRecipe(builder: .command(["true"]))
        #expect(recipe.problem(of: []) == nil)
        #expect(recipe.problem(of: [file("a"), file("b", .file)]) == nil)
        let gz = recipe.problem(of: [file("x.sha256", .file), file("x.img.gz", .file)])
        #expect(gz?.contains("no disk image, only 'x.sha256', 'x.img.gz'") == true, "\(gz ?? "")")
        #expect(gz?.contains("keep_input_artifact: true") == true)
        #expect(gz?.contains(#"artifacts: [{files: "*.gz", kind: archive}]"#) == true)
        let text = recipe.problem(of: [file("x.qcow2", .file)])
        #expect(text?.contains(#"{files: "x.qcow2", kind: other}"#) == true, "\(text ?? "")")
        let box = recipe.problem(of: [file("x.box", .file)])
        #expect(box?.contains(#"{files: "*.box", kind: box}"#) == true, "\(box ?? "")")
        recipe.artifacts = [ArtifactRule(files: FilePattern("*"), kind: .other)]
        #expect(recipe.problem(of: [file("x", .file, 1, .other)]) == nil)
        let image = recipe.problem(of: [file("a"), file("x.gz", .file, 1, nil, isImage: true)])
        #expect(image?.contains("'x.gz' as its image, which is no disk image") == true)
    }

    @Test("A build that names its files waits for an agent that collects them")
    func abilities() {
        var build = queued("b")
        build.buildAbilities =
            BuildRecipe(
                builder: .command(["true"]), image: FilePattern("*.raw")
            ).abilities
        var new = host("new")
        new.report?.buildAbilities = ["artifacts", "of a later day"]
        #expect(world([host("old"), new], [build]).starts == ["b@new"])
        let why = world([host("old")], [build]).failures["b"]?.reason
        #expect(why?.contains("old: cannot collect what `artifacts`") == true, "\(why ?? "")")
    }
}
