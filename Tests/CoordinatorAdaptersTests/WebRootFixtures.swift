import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import TestSupport
import Testing

/// The web roots that pass the same suite.
enum WebRootKind: CaseIterable {
    case memory, folder

    func with(_ body: (any WebRoot) async throws -> Void) async throws {
        switch self {
        case .memory: try await body(InMemoryWebRoot { SHA256.hex($0) })
        case .folder:
            let fixture = try FolderFixture()
            try await body(fixture.root)
        }
    }
}

/// A web root in a temporary folder.
struct FolderFixture {
    private let temporary: TemporaryFolder
    let root: FolderWebRoot

    init() throws {
        temporary = try TemporaryFolder()
        let folder = temporary.path
        try Files.replace(folder + "/log", with: Array("{}\n".utf8))
        root = try FolderWebRoot(
            folder: folder + "/web", baseURL: "http://farm", logPath: { _ in folder + "/log" })
    }

    func text(_ path: String) throws -> String {
        String(
            decoding: try Files.read("\(root.folder)/\(path)", limitBytes: 1 << 20), as: UTF8.self)
    }
}

/// A file of a build, with its content.
struct SampleArtifact {
    let content: [UInt8]
    let artifact: Artifact

    init(_ name: String = "a.qcow2", format: ImageFormat = .qcow2, content: [UInt8]) {
        let chunk = ProtocolLimits.artifactChunkBytes
        self.content = content
        artifact = Artifact(
            name: name, sizeBytes: Int64(content.count), sha256: SHA256.hex(content),
            format: format,
            chunkSHA256: stride(from: 0, to: content.count, by: chunk).map {
                SHA256.hex(content[$0..<min($0 + chunk, content.count)])
            })
    }

    func write(_ range: Range<Int>? = nil, to file: any IncomingFile) async throws {
        let range = range ?? 0..<content.count
        try await file.write(Array(content[range]), at: Int64(range.lowerBound))
    }
}

extension WebRoot {
    /// Pulls, verifies and publishes the files as one build.
    @discardableResult
    func publish(
        _ samples: [SampleArtifact], as build: Build, of attempt: AttemptToken,
        record: [UInt8]? = nil
    ) async throws -> Publication {
        for sample in samples {
            let file = try await incoming(sample.artifact, of: attempt)
            _ = try await file.missingRanges()
            try await sample.write(to: file)
            #expect(try await file.verify())
        }
        let publication = Publication(
            build: build, attempt: attempt, artifacts: samples.map(\.artifact),
            record: record ?? Array("{\"attempt\": \"\(attempt.text)\"}".utf8))
        _ = try await publish(publication)
        return publication
    }

    func holds(_ image: PublishedImage) async -> Bool {
        (try? await file(of: image)) != nil
    }
}

enum Builds {
    /// 2026-11-21 in UTC.
    static let example = numbered(7)

    static func numbered(_ number: Int) -> Build {
        Build(
            id: "b\(number)", guestOSID: "g", guestOS: "mini", number: number, priority: 0,
            owner: "o",
            plan: BuildPlan(
                template: TemplateArchive(
                    sha256: String(repeating: "0", count: 64), sizeBytes: 1),
                recipe: BuildRecipe(builder: .command(["true"])), requirements: Requirements(),
                limits: AttemptLimits()),
            updateContents: "", submittedMilliseconds: 1_795_258_192_000)
    }
}
