import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import FoundationEssentials
import Support
import Testing

/// Promotion in a folder: from the built images to the tested ones.
struct PromotionTests {
    private let fixture: FolderFixture
    private let root: FolderWebRoot

    init() throws {
        fixture = try FolderFixture()
        root = fixture.root
    }

    private var built: String { root.folder + "/images/build/mini" }
    private var tested: String { root.folder + "/images/release/mini" }

    private struct Record: Encodable {
        var build, guestOS, imageName: String
        var number: Int
        var attempt: AttemptToken
        var artifacts: [Artifact]
    }

    /// An image and a companion file, published as build `number`.
    private func publish(_ number: Int) async throws -> Publication {
        let build = Builds.numbered(number)
        let token = AttemptToken(high: 1, low: UInt64(number))
        let samples = [("notes.txt", ImageFormat.file, 40), ("disk.raw", .raw, 3000)].map { entry in
            SampleArtifact(
                entry.0, format: entry.1,
                content: [UInt8](repeating: UInt8(number), count: entry.2))
        }
        let record = Record(
            build: build.id, guestOS: "mini", imageName: build.imageName, number: number,
            attempt: token, artifacts: samples.map(\.artifact))
        return try await root.publish(
            samples, as: build, of: token, record: Array(try JSONEncoder().encode(record)))
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

    @Test("A promotion that was cut at any step is completed by the next one")
    func cutPromotion() async throws {
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
            #expect(try fixture.text("images/build/mini/SHA256SUMS").isEmpty)
            #expect(
                try fixture.text("images/release/mini/SHA256SUMS").split(separator: "\n").count == 2
            )
            #expect(try latest() == 7)
        }
    }

    @Test("latest.json names the newest image that is there")
    func latestImage() async throws {
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

    @Test("A withdrawal of a promoted image renews latest.json")
    func withdrawal() async throws {
        let publication = try await publish(7)
        _ = try await root.promote(publication)
        try await root.withdraw(AttemptToken(high: 1, low: 1), of: publication.build)
        #expect(try latest() == 7, "another attempt made it")
        try await root.withdraw(publication.attempt, of: publication.build)
        #expect(try Files.list(tested) == ["SHA256SUMS"])
    }

    @Test("A sweep covers the tested images")
    func sweep() async throws {
        try Files.makeFolder(tested)
        try Files.replace(tested + "/.latest.json.part", with: [1])
        try Files.replace(tested + "/image.part.raw", with: [1])
        try await root.sweep(keeping: [])
        #expect(try Files.list(tested) == ["image.part.raw"])
    }
}
