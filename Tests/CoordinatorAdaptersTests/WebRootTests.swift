import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import TestSupport
import Testing

/// The behaviour of every web root: no reader sees an unverified file, nothing is pulled twice, and
/// every step may be repeated.
struct WebRootTests {
    private let token = AttemptToken(high: 1, low: 2)
    private let other = AttemptToken(high: 7, low: 0)
    private static let chunk = ProtocolLimits.artifactChunkBytes

    /// Three chunks, the last one short.
    private static let image = SampleArtifact(
        content: (0..<(2 * chunk + 1000)).map { UInt8(truncatingIfNeeded: $0 / 7) })
    private static let size = image.content.count

    private static func small(_ byte: UInt8) -> [SampleArtifact] {
        [
            SampleArtifact("notes.txt", format: .file, content: [byte, 1, 2]),
            SampleArtifact(
                "disk.raw", format: .raw, content: [UInt8](repeating: byte, count: 3000)),
        ]
    }

    // MARK: Pulling

    @Test("Pieces may arrive in any order", arguments: WebRootKind.allCases)
    func piecesInAnyOrder(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let file = try await root.incoming(Self.image.artifact, of: token)
            #expect(try await file.missingRanges() == [0..<Int64(Self.size)])
            let middle = Self.chunk + 17
            try await Self.image.write(middle..<Self.size, to: file)
            try await Self.image.write(0..<middle, to: file)
            #expect(try await file.verify())
        }
    }

    @Test("Only missing chunks are pulled again", arguments: WebRootKind.allCases)
    func missingChunks(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let first = try await root.incoming(Self.image.artifact, of: token)
            _ = try await first.missingRanges()
            try await Self.image.write(0..<100, to: first)
            try await Self.image.write(Self.chunk..<2 * Self.chunk, to: first)
            // The coordinator is killed here; another one continues.
            let second = try await root.incoming(Self.image.artifact, of: token)
            let missing = try await second.missingRanges()
            #expect(
                missing == [
                    0..<Int64(Self.chunk), Int64(2 * Self.chunk)..<Int64(Self.size),
                ])
            for range in missing {
                try await Self.image.write(
                    Int(range.lowerBound)..<Int(range.upperBound), to: second)
            }
            #expect(try await second.verify())
        }
    }

    @Test("A wrong byte fails verification and discards the file", arguments: WebRootKind.allCases)
    func wrongByte(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let file = try await root.incoming(Self.image.artifact, of: token)
            _ = try await file.missingRanges()
            var bytes = Self.image.content
            bytes[Self.chunk + 5] ^= 1
            try await file.write(bytes, at: 0)
            #expect(try await !file.verify())
            let again = try await root.incoming(Self.image.artifact, of: token)
            #expect(try await again.missingRanges() == [0..<Int64(Self.size)])
        }
    }

    @Test("An incomplete file fails verification", arguments: WebRootKind.allCases)
    func incompleteFile(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let file = try await root.incoming(Self.image.artifact, of: token)
            _ = try await file.missingRanges()
            try await Self.image.write(0..<Self.chunk, to: file)
            #expect(try await !file.verify())
        }
    }

    @Test("Bytes outside the announced size are refused", arguments: WebRootKind.allCases)
    func announcedSize(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let file = try await root.incoming(Self.image.artifact, of: token)
            for offset in [Int64(Self.size) - 1, -1] {
                await #expect(throws: HostFault.self) {
                    try await file.write([1, 2, 3], at: offset)
                }
            }
        }
    }

    @Test(
        "A name that is not a plain file name is refused", arguments: WebRootKind.allCases,
        ["../x", "a/b", ".hidden", "", "a\nb"])
    func unsafeName(_ kind: WebRootKind, _ name: String) async throws {
        try await kind.with { root in
            await #expect(throws: Fault.self) {
                _ = try await root.incoming(
                    SampleArtifact(name, content: [1]).artifact, of: token)
            }
        }
    }

    // MARK: Publishing

    @Test("A publication may be repeated", arguments: WebRootKind.allCases)
    func repeatedPublication(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let samples = Self.small(1)
            let publication = try await root.publish(samples, as: Builds.example, of: token)
            let image = try await root.publish(publication)
            #expect(try await root.publish(publication) == image)
            #expect(image.name == "minix86_64_20261121_7.raw")
            #expect(image.path == "images/build/mini/\(image.name)")
            #expect(image.url == "http://farm/\(image.path)")
            #expect(root.url(ofPath: image.path) == image.url)
            #expect(image.sizeBytes == 3000 && image.format == .raw)
            #expect(image.sha256 == samples[1].artifact.sha256 && image.attempt == token)
            #expect(await root.holds(image))
        }
    }

    @Test("A file that others removed is not published", arguments: WebRootKind.allCases)
    func removedByOthers(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let publication = Publication(
                build: Builds.example, attempt: token, artifacts: [Self.image.artifact])
            let fault = await #expect(throws: Fault.self) { try await root.publish(publication) }
            #expect(fault?.class == .infrastructure && fault?.code == .publishFailed)
        }
    }

    @Test("A promotion may be repeated and moves the image", arguments: WebRootKind.allCases)
    func repeatedPromotion(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let publication = try await root.publish(
                Self.small(1), as: Builds.example, of: token)
            let built = try await root.publish(publication)
            let tested = try await root.promote(publication)
            #expect(try await root.promote(publication) == tested)
            #expect(tested.path == "images/release/mini/\(built.name)")
            #expect(tested.attempt == token && tested.sha256 == built.sha256)
            #expect(await root.holds(tested))
            #expect(await !root.holds(built))
        }
    }

    @Test("An image that is in neither folder cannot be promoted", arguments: WebRootKind.allCases)
    func lostImage(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let publication = try await root.publish(
                Self.small(1), as: Builds.example, of: token)
            try await root.withdraw(token, of: Builds.example)
            let fault = await #expect(throws: Fault.self) { try await root.promote(publication) }
            #expect(fault?.class == .infrastructure && fault?.code == .publishFailed)
        }
    }

    // MARK: Removing

    @Test(
        "A withdrawal removes what its attempt published, and nothing else",
        arguments: WebRootKind.allCases, [false, true])
    func withdrawal(_ kind: WebRootKind, _ isPromoted: Bool) async throws {
        try await kind.with { root in
            let builds = [(Builds.example, token), (Builds.numbered(70), other)]
            var images: [PublishedImage] = []
            for (build, token) in builds {
                let publication = try await root.publish(Self.small(1), as: build, of: token)
                images.append(
                    isPromoted
                        ? try await root.promote(publication) : try await root.publish(publication))
            }
            try await root.withdraw(AttemptToken(high: 1, low: 1), of: Builds.example)
            #expect(await root.holds(images[0]), "another attempt published it")
            _ = try await root.incoming(Self.image.artifact, of: token)
            for _ in 1...2 {
                try await root.withdraw(token, of: Builds.example)
                #expect(await !root.holds(images[0]))
                #expect(await root.holds(images[1]))
            }
        }
    }

    @Test("A removal takes the image of one build, wherever it is", arguments: WebRootKind.allCases)
    func removal(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let first = try await root.publish(Self.small(1), as: Builds.example, of: token)
            let tested = try await root.promote(first)
            let second = try await root.publish(Self.small(2), as: Builds.numbered(70), of: other)
            let kept = try await root.publish(second)
            for _ in 1...2 {
                try await root.remove(Builds.example)
                #expect(await !root.holds(tested))
                #expect(await root.holds(kept))
            }
            try await root.remove(Builds.numbered(70))
            #expect(await !root.holds(kept))
        }
    }

    @Test("A sweep keeps the parts of living attempts", arguments: WebRootKind.allCases)
    func sweep(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            for token in [token, other] {
                let file = try await root.incoming(Self.image.artifact, of: token)
                _ = try await file.missingRanges()
                try await Self.image.write(0..<Self.chunk, to: file)
            }
            let publication = try await root.publish(
                Self.small(1), as: Builds.example, of: AttemptToken(high: 5, low: 5))
            let image = try await root.publish(publication)
            try await root.sweep(keeping: [token])
            let kept = try await root.incoming(Self.image.artifact, of: token)
            #expect(try await kept.missingRanges() == [Int64(Self.chunk)..<Int64(Self.size)])
            let swept = try await root.incoming(Self.image.artifact, of: other)
            #expect(try await swept.missingRanges() == [0..<Int64(Self.size)])
            #expect(await root.holds(image))
        }
    }

    // MARK: Leaders

    @Test("A leader changes nothing once a later one has", arguments: WebRootKind.allCases)
    func deposedLeaderWritesNothing(_ kind: WebRootKind) async throws {
        let store = InMemoryStore()
        let old = try await store.lead(as: "old", milliseconds: -1)
        let new = try await store.lead(as: "new")
        try await kind.with { base in
            let (stale, root) = (LeadingWebRoot(base, old), LeadingWebRoot(base, new))
            let publication = try await stale.publish(
                Self.small(1), as: Builds.example, of: token)
            let pulled = try await stale.incoming(Self.image.artifact, of: token)
            try await root.sweep(keeping: [token])
            let image = try await root.publish(publication)
            let steps: [@Sendable () async throws -> Void] = [
                { _ = try await stale.incoming(Self.image.artifact, of: other) },
                { _ = try await pulled.verify() },
                { _ = try await stale.publish(publication) },
                { _ = try await stale.promote(publication) },
                { try await stale.withdraw(token, of: Builds.example) },
                { try await stale.remove(Builds.example) },
                { try await stale.sweep(keeping: []) },
                { try await stale.makeFolder(ofGuestOS: "late") },
            ]
            for step in steps {
                let error = await #expect(throws: StoreError.self) { try await step() }
                #expect(error?.code == .deposed)
            }
            #expect(await stale.holds(image), "it may read")
            _ = try await root.promote(publication)
        }
    }

    @Test("A web root has room, and folders are made once", arguments: WebRootKind.allCases)
    func roomAndFolders(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            #expect(try await root.freeBytes() > 0)
            for _ in 1...2 { try await root.makeFolder(ofGuestOS: "mini") }
            try await root.publish(Self.small(1), as: Builds.example, of: token)
        }
    }

    @Test(
        "Artifacts that could never be published are refused as a fault of the template",
        arguments: WebRootKind.allCases)
    func impossibleArtifacts(_ kind: WebRootKind) async throws {
        let long = SampleArtifact(
            String(repeating: "n", count: 240), format: .file, content: [1])
        var huge = SampleArtifact("huge.raw", format: .raw, content: [1]).artifact
        huge.sizeBytes = Builds.example.plan.requirements.diskBytes + 1
        let twin = SampleArtifact("a.txt", format: .file, content: [1]).artifact
        for artifacts in [[long.artifact], [huge], [twin, twin]] {
            try await kind.with { root in
                let publication = Publication(
                    build: Builds.example, attempt: AttemptToken(high: 1, low: 1),
                    artifacts: artifacts)
                let fault = await #expect(throws: Fault.self) {
                    try await root.publish(publication)
                }
                #expect(fault?.class == .template)
            }
        }
    }

    @Test("Chunks that are larger than the buffer are resumed", arguments: WebRootKind.allCases)
    func largeChunks(_ kind: WebRootKind) async throws {
        try await kind.with { root in
            let size = 2 * Self.chunk
            let content = (0..<size + 9).map { UInt8(truncatingIfNeeded: $0 / 4096) }
            let sample = SampleArtifact(content: content)
            var artifact = sample.artifact
            artifact.chunkBytes = Int64(size)
            artifact.chunkSHA256 = [SHA256.hex(content[..<size]), SHA256.hex(content[size...])]
            let token = AttemptToken(high: 1, low: 1)
            let first = try await root.incoming(artifact, of: token)
            _ = try await first.missingRanges()
            try await sample.write(0..<size, to: first)
            let second = try await root.incoming(artifact, of: token)
            #expect(try await second.missingRanges() == [Int64(size)..<Int64(size + 9)])
            try await sample.write(size..<size + 9, to: second)
            #expect(try await second.verify())
        }
    }
}
