import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import FoundationEssentials
import Support
import TestSupport
import Testing

/// From the built images to the tested ones.
struct PromotionTests {
    private let temporary: TemporaryFolder
    private let root: FolderWebRoot

    init() throws {
        temporary = try TemporaryFolder()
        let folder = temporary.path
        try Files.replace(folder + "/log", with: Array("{}\n".utf8))
        root = try FolderWebRoot(
            folder: folder + "/web", baseURL: "http://farm", logPath: { _ in folder + "/log" })
    }

    private var built: String { root.folder + "/images/build/mini" }
    private var tested: String { root.folder + "/images/release/mini" }

    private struct Record: Encodable {
        var build, guestOS, imageName: String
        var number: Int
        var attempt: AttemptToken
        var artifacts: [Artifact]
    }

    /// An image and a companion, published as build `number`.
    private func publish(_ number: Int) async throws -> Publication {
        var build = Builds.example
        build.number = number
        let token = AttemptToken(high: 1, low: UInt64(number))
        let artifacts = [("notes.txt", ImageFormat.file, 40), ("disk.raw", .raw, 3000)].map {
            entry in
            let bytes = [UInt8](repeating: UInt8(number), count: entry.2)
            return Artifact(
                name: entry.0, sizeBytes: Int64(entry.2), sha256: SHA256.hex(bytes),
                format: entry.1, chunkSHA256: [SHA256.hex(bytes)])
        }
        for artifact in artifacts {
            let file = try await root.incoming(artifact, of: token)
            _ = try await file.missingRanges()
            let count = Int(artifact.sizeBytes)
            try await file.write([UInt8](repeating: UInt8(number), count: count), at: 0)
            #expect(try await file.verify())
        }
        let record = Record(
            build: "b\(number)", guestOS: "mini", imageName: build.imageName, number: number,
            attempt: token, artifacts: artifacts)
        let publication = Publication(
            build: build, attempt: token, artifacts: artifacts,
            record: Array(try JSONEncoder().encode(record)))
        _ = try await root.publish(publication)
        return publication
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try Files.read(path, limitBytes: 1 << 20), as: UTF8.self)
    }

    private func latest() throws -> Int {
        struct Latest: Decodable {
            var number: Int
            var name, url, sha256: String
        }
        let bytes = try Files.read(tested + "/latest.json", limitBytes: 1 << 20)
        let latest = try JSONDecoder().decode(Latest.self, from: Data(bytes))
        #expect(latest.url == "http://farm/images/release/mini/" + latest.name)
        #expect(try SHA256.file("\(tested)/\(latest.name)") == latest.sha256)
        return latest.number
    }

    /// Whatever was renamed before a crash: doing it again makes it whole.
    @Test func aCrashBetweenAnyTwoStepsHeals() async throws {
        let publication = try await publish(7)
        let name = publication.build.imageName
        let steps = [".raw", "-notes.txt", ".log.ndjson", ".build.json"].map { name + $0 }
        for done in 0...steps.count {
            for (index, step) in steps.enumerated() {
                let (here, there) = index < done ? (built, tested) : (tested, built)
                try Files.makeFolder(there)
                if Files.exists("\(here)/\(step)") {
                    try Files.rename("\(here)/\(step)", to: "\(there)/\(step)")
                }
            }
            for _ in 1...2 {
                let image = try await root.promote(publication)
                #expect(image.path == "images/release/mini/\(name).raw")
                #expect(image.attempt == publication.attempt)
            }
            #expect(try Files.list(built) == ["SHA256SUMS"], "after \(done) steps")
            let expected = (["SHA256SUMS", "latest.json"] + steps).sorted()
            #expect(try Files.list(tested).sorted() == expected, "after \(done) steps")
            #expect(try text(built + "/SHA256SUMS").isEmpty)
            #expect(try text(tested + "/SHA256SUMS").split(separator: "\n").count == 2)
            #expect(try latest() == 7)
        }
    }

    @Test func theLatestIsTheNewestThatIsThere() async throws {
        let new = try await publish(70)
        let old = try await publish(7)
        _ = try await root.promote(new)
        _ = try await root.promote(old)
        #expect(try latest() == 70, "an older one that was tested later")
        try await root.withdraw(new.attempt, of: new.build)
        #expect(try latest() == 7)
        try await root.withdraw(old.attempt, of: old.build)
        #expect(try Files.list(tested) == ["SHA256SUMS"])
    }

    @Test func whatIsInNeitherPlaceIsAFault() async throws {
        let publication = try await publish(7)
        try await root.withdraw(publication.attempt, of: publication.build)
        let fault = await #expect(throws: Fault.self) { try await root.promote(publication) }
        #expect(fault?.class == .infrastructure && fault?.code == .publishFailed)
    }

    /// The row that would speak of it is never written.
    @Test func anImageThatWasMovedIsTakenBackToo() async throws {
        let publication = try await publish(7)
        _ = try await root.promote(publication)
        try await root.withdraw(AttemptToken(high: 1, low: 1), of: publication.build)
        #expect(try latest() == 7, "another attempt made it")
        try await root.withdraw(publication.attempt, of: publication.build)
        #expect(try Files.list(tested) == ["SHA256SUMS"])
    }

    @Test func aSweepLooksAtTheTestedOnesToo() async throws {
        try Files.makeFolder(tested)
        try Files.replace(tested + "/.latest.json.part", with: [1])
        try Files.replace(tested + "/image.part.raw", with: [1])
        try await root.sweep(keeping: [])
        #expect(try Files.list(tested) == ["image.part.raw"])
    }
}
