import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import TestSupport
import Testing

/// The web root on a real file system: nothing unverified is ever seen, nothing is pulled twice.
struct WebRootTests {
    private let temporary: TemporaryFolder
    private let root: FolderWebRoot
    private let token = AttemptToken(high: 1, low: 2)
    private static let chunk = ProtocolLimits.artifactChunkBytes

    init() throws {
        temporary = try TemporaryFolder()
        let folder = temporary.path
        try Files.replace(folder + "/log", with: Array("{}\n".utf8))
        root = try FolderWebRoot(
            folder: folder + "/web", baseURL: "http://farm", logPath: { _ in folder + "/log" })
    }

    /// Three chunks, the last one short.
    private static let content: [UInt8] = (0..<(2 * chunk + 1000)).map {
        UInt8(truncatingIfNeeded: $0 / 7)
    }

    private func artifact(_ name: String = "a.qcow2", _ format: ImageFormat = .qcow2) -> Artifact {
        let bytes = Self.content
        let chunks = stride(from: 0, to: bytes.count, by: Self.chunk).map {
            SHA256.hex(bytes[$0..<min($0 + Self.chunk, bytes.count)])
        }
        return Artifact(
            name: name, sizeBytes: Int64(bytes.count), sha256: SHA256.hex(bytes), format: format,
            chunkSHA256: chunks)
    }

    private func write(_ file: any IncomingFile, _ range: Range<Int>) async throws {
        try await file.write(Array(Self.content[range]), at: Int64(range.lowerBound))
    }

    @Test func piecesMayComeInAnyOrder() async throws {
        let file = try await root.incoming(artifact(), of: token)
        #expect(try await file.missingRanges() == [0..<Int64(Self.content.count)])
        let middle = Self.chunk + 17
        try await write(file, middle..<Self.content.count)
        try await write(file, 0..<middle)
        #expect(try await file.verify())
    }

    @Test func onlyWhatIsMissingIsPulledAgain() async throws {
        let first = try await root.incoming(artifact(), of: token)
        _ = try await first.missingRanges()
        try await write(first, 0..<100)
        try await write(first, Self.chunk..<2 * Self.chunk)
        // The coordinator is killed here; another one goes on.
        let second = try await root.incoming(artifact(), of: token)
        let missing = try await second.missingRanges()
        #expect(
            missing == [
                0..<Int64(Self.chunk), Int64(2 * Self.chunk)..<Int64(Self.content.count),
            ])
        for range in missing {
            try await write(second, Int(range.lowerBound)..<Int(range.upperBound))
        }
        #expect(try await second.verify())
    }

    @Test func aWrongByteIsFoundAndTheFileIsRemoved() async throws {
        let file = try await root.incoming(artifact(), of: token)
        _ = try await file.missingRanges()
        var bytes = Self.content
        bytes[Self.chunk + 5] ^= 1
        try await file.write(bytes, at: 0)
        #expect(try await !file.verify())
        let again = try await root.incoming(artifact(), of: token)
        #expect(try await again.missingRanges() == [0..<Int64(bytes.count)])
    }

    @Test func moreThanWasAnnouncedIsRefused() async throws {
        let file = try await root.incoming(artifact(), of: token)
        await #expect(throws: HostFault.self) {
            try await file.write([1, 2, 3], at: Int64(Self.content.count) - 1)
        }
    }

    @Test(arguments: ["../x", "a/b", ".hidden", "", "a\nb"])
    func aNameThatLeavesTheFolderIsRefused(name: String) async throws {
        await #expect(throws: Fault.self) {
            _ = try await root.incoming(artifact(name), of: token)
        }
    }

    @Test func publishingTwiceDoesNoHarm() async throws {
        let image = artifact()
        let file = try await root.incoming(image, of: token)
        _ = try await file.missingRanges()
        try await file.write(Self.content, at: 0)
        #expect(try await file.verify())
        let publication = Publication(
            build: Builds.example, attempt: token, artifacts: [image], record: Array("{}".utf8))
        let place = root.folder + "/images/build/mini"
        #expect(!Files.exists(place))
        let first = try await root.publish(publication)
        let second = try await root.publish(publication)
        #expect(first == second)
        #expect(first.name == "minix86_64_20261121_7.qcow2")
        #expect(
            try Files.list(place) == [
                "SHA256SUMS", "minix86_64_20261121_7.build.json",
                "minix86_64_20261121_7.log.ndjson", "minix86_64_20261121_7.qcow2",
            ])
        let sums = String(
            decoding: try Files.read(place + "/SHA256SUMS", limitBytes: 1 << 20), as: UTF8.self)
        #expect(sums == "\(image.sha256)  minix86_64_20261121_7.qcow2\n")
    }

    /// Neither the part nor the published file is there, or another file is.
    @Test(arguments: [false, true])
    func whatWasRemovedByOthersIsNotPublished(_ isReplaced: Bool) async throws {
        if isReplaced {
            let place = root.folder + "/images/build/mini"
            try Files.makeFolder(place)
            try Files.replace(
                "\(place)/\(Builds.example.imageName).qcow2", with: Self.content.reversed())
        }
        let publication = Publication(
            build: Builds.example, attempt: token, artifacts: [artifact()],
            record: Array("{}".utf8))
        let fault = await #expect(throws: Fault.self) { try await root.publish(publication) }
        #expect(fault?.code == .publishFailed)
    }

    @Test func whatIsTakenBackIsGoneAndNothingElse() async throws {
        let image = artifact()
        var other = Builds.example
        other.number = 70
        for (build, token) in [(Builds.example, token), (other, AttemptToken(high: 7, low: 0))] {
            let file = try await root.incoming(image, of: token)
            _ = try await file.missingRanges()
            try await file.write(Self.content, at: 0)
            #expect(try await file.verify())
            _ = try await root.publish(
                Publication(
                    build: build, attempt: token, artifacts: [image],
                    record: Array("{\"attempt\": \"\(token.text)\"}".utf8)))
        }
        let place = root.folder + "/images/build/mini"
        let before = try Files.list(place)
        try await root.withdraw(AttemptToken(high: 1, low: 1), of: Builds.example)
        #expect(try Files.list(place) == before, "another attempt published it")
        _ = try await root.incoming(image, of: token)
        try await root.withdraw(token, of: Builds.example)
        #expect(
            try Files.list(place) == ["SHA256SUMS"] + before.filter { $0.contains("_70.") })
        let sums = try Files.read(place + "/SHA256SUMS", limitBytes: 1 << 20)
        #expect(!String(decoding: sums, as: UTF8.self).contains("_7.qcow2"))
        #expect(
            try Files.list(root.folder + "/images/build") == ["mini"], "no .part is left")
        try await root.withdraw(token, of: Builds.example)
    }

    @Test func aRemovedImageIsGoneWithItsDigest() async throws {
        let place = root.folder + "/images/build/mini"
        try Files.makeFolder(place)
        let own = Builds.example.imageName
        let names = ["\(own).qcow2", "\(own)-note.txt", "\(own).log.ndjson", "\(own).build.json"]
        let others = ["other_7.qcow2", "\(own)0.qcow2"]
        for name in names + others { try Files.replace("\(place)/\(name)", with: [1]) }
        // What an earlier try had hidden before it was killed.
        try Files.replace("\(place)/.\(own)-more.txt.part", with: [1])
        let sums = (names + others).map { "00  \($0)\n" }.joined()
        try Files.replace(place + "/SHA256SUMS", with: sums.utf8)
        for _ in 0..<2 {
            try await root.remove(Builds.example)
            #expect(try Files.list(place).sorted() == (others + ["SHA256SUMS"]).sorted())
            let left = try Files.read(place + "/SHA256SUMS", limitBytes: 1 << 16)
            #expect(
                String(decoding: left, as: UTF8.self)
                    == others.sorted().map { "00  \($0)\n" }.joined())
        }
    }

    @Test func aSweepKeepsWhatLives() async throws {
        let dead = AttemptToken(high: 9, low: 9)
        for token in [token, dead] {
            let file = try await root.incoming(artifact(), of: token)
            try await write(file, 0..<10)
        }
        try Files.makeFolder(root.folder + "/images/build/mini")
        try Files.replace(root.folder + "/images/build/mini/image.part.qcow2", with: [1])
        try Files.replace(root.folder + "/images/build/mini/.image.log.part", with: [1])
        try await root.sweep(keeping: [token])
        let left = try Files.list(root.folder + "/images/build")
        #expect(left.filter { $0.contains(token.text) }.count == 1)
        #expect(left.filter { $0.contains(dead.text) }.isEmpty)
        #expect(try Files.list(root.folder + "/images/build/mini") == ["image.part.qcow2"])
    }
}

enum Builds {
    /// 2026-11-21 in UTC.
    static let example = Build(
        id: "b", guestOSID: "g", guestOS: "mini", number: 7, priority: 0, owner: "o",
        plan: BuildPlan(
            template: TemplateArchive(sha256: String(repeating: "0", count: 64), sizeBytes: 1),
            recipe: BuildRecipe(builder: .command(["true"])), requirements: Requirements(),
            limits: AttemptLimits()),
        updateContents: "", submittedMilliseconds: 1_795_258_192_000)
}
