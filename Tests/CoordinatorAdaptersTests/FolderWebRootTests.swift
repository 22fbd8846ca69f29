import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import TestSupport
import Testing

/// The web root on a real file system, as seen by readers and after crashes.
struct FolderWebRootTests {
    private let fixture: FolderFixture
    private let root: FolderWebRoot
    private let token = AttemptToken(high: 1, low: 2)
    private let image = SampleArtifact(content: [UInt8](repeating: 7, count: 5000))
    private let name = "minix86_64_20261121_7"

    init() throws {
        fixture = try FolderFixture()
        root = fixture.root
    }

    private var place: String { root.folder + "/images/build/mini" }

    @Test("A publication has its log, its record and its digest beside it")
    func publishedFiles() async throws {
        #expect(!Files.exists(place))
        let publication = try await root.publish([image], as: Builds.example, of: token)
        for _ in 1...2 {
            _ = try await root.publish(publication)
            #expect(
                try Files.list(place) == [
                    "SHA256SUMS", "\(name).build.json", "\(name).log.ndjson", "\(name).qcow2",
                ])
            #expect(
                try fixture.text("images/build/mini/SHA256SUMS")
                    == "\(image.artifact.sha256)  \(name).qcow2\n")
        }
    }

    @Test("Room is measured, and leave to write asked for, where images arrive")
    func whereImagesArrive() async throws {
        let room = WebRootRoom(folder: root.folder)
        #expect(room.place == root.folder + "/images/build")
        #expect(try await root.freeBytes() > 0)
        #expect(WebRootRoom(folder: root.folder + "/images").place == root.folder + "/images")
    }

    @Test("A file that others replaced is not published")
    func replacedByOthers() async throws {
        try Files.makeFolder(place)
        try Files.replace("\(place)/\(name).qcow2", with: [UInt8](repeating: 8, count: 5000))
        let publication = Publication(
            build: Builds.example, attempt: token, artifacts: [image.artifact],
            record: Array("{}".utf8))
        let fault = await #expect(throws: Fault.self) { try await root.publish(publication) }
        #expect(fault?.code == .publishFailed)
    }

    @Test("A withdrawal leaves no part and no digest")
    func withdrawal() async throws {
        for (build, token) in [
            (Builds.example, token), (Builds.numbered(70), AttemptToken(high: 7, low: 0)),
        ] { try await root.publish([image], as: build, of: token) }
        let before = try Files.list(place)
        try await root.withdraw(AttemptToken(high: 1, low: 1), of: Builds.example)
        #expect(try Files.list(place) == before, "another attempt published it")
        _ = try await root.incoming(image.artifact, of: token)
        try await root.withdraw(token, of: Builds.example)
        #expect(try Files.list(place) == ["SHA256SUMS"] + before.filter { $0.contains("_70.") })
        #expect(try !fixture.text("images/build/mini/SHA256SUMS").contains("_7.qcow2"))
        #expect(try Files.list(root.folder + "/images/build") == ["mini"], "no .part is left")
    }

    @Test("A removed image is gone with its digest, also after a crash")
    func removal() async throws {
        try Files.makeFolder(place)
        let names = [
            "\(name).qcow2", "\(name)-note.txt", "\(name).log.ndjson", "\(name).build.json",
        ]
        let others = ["other_7.qcow2", "\(name)0.qcow2"]
        for name in names + others { try Files.replace("\(place)/\(name)", with: [1]) }
        // Hidden by an earlier attempt that was killed.
        try Files.replace("\(place)/.\(name)-more.txt.part", with: [1])
        let sums = (names + others).map { "00  \($0)\n" }.joined()
        try Files.replace(place + "/SHA256SUMS", with: sums.utf8)
        for _ in 0..<2 {
            try await root.remove(Builds.example)
            #expect(try Files.list(place).sorted() == (others + ["SHA256SUMS"]).sorted())
            #expect(
                try fixture.text("images/build/mini/SHA256SUMS")
                    == others.sorted().map { "00  \($0)\n" }.joined())
        }
    }

    @Test("A sweep removes temporary files and nothing that looks like one")
    func sweep() async throws {
        let dead = AttemptToken(high: 9, low: 9)
        for token in [token, dead] {
            let file = try await root.incoming(image.artifact, of: token)
            try await image.write(0..<10, to: file)
        }
        try Files.makeFolder(place)
        try Files.replace(place + "/image.part.qcow2", with: [1])
        try Files.replace(place + "/.image.log.part", with: [1])
        try await root.sweep(keeping: [token])
        let left = try Files.list(root.folder + "/images/build")
        #expect(left.filter { $0.contains(token.text) }.count == 1)
        #expect(left.filter { $0.contains(dead.text) }.isEmpty)
        #expect(try Files.list(place) == ["image.part.qcow2"])
    }

    @Test("What the file system never takes is a permanent fault")
    func impossible() async throws {
        try Files.replace(place, with: [1])
        let fault = await #expect(throws: WebRootFault.self) {
            try await root.publish([image], as: Builds.example, of: token)
        }
        #expect(fault?.isPermanent == true)
    }

    @Test("An image whose name leaves no room for more is removed")
    func longNames() async throws {
        try Files.makeFolder(place)
        let long = "\(name)-" + String(repeating: "n", count: 254 - name.utf8.count)
        #expect(long.utf8.count == 255)
        try Files.replace("\(root.folder)/x", with: [1])
        try Files.rename("\(root.folder)/x", to: "\(place)/\(long)")
        try await root.remove(Builds.example)
        #expect(!Files.exists("\(place)/\(long)"))
    }

    @Test("A record that is too long to be read does not prevent a withdrawal")
    func longRecord() async throws {
        try await root.publish([image], as: Builds.example, of: token)
        let record = "\(place)/\(name).build.json"
        try Files.replace(
            record, with: [UInt8](repeating: 0x20, count: Publication.recordBytes + 1))
        try await root.withdraw(token, of: Builds.example)
        #expect(try Files.list(place) == ["SHA256SUMS"])
    }

    @Test("SHA256SUMS follows what others do to it and to the files")
    func checksums() async throws {
        func sums() throws -> [String] {
            try fixture.text("images/build/mini/SHA256SUMS").split(separator: "\n").map {
                String($0.drop { $0 != " " }.drop { $0 == " " })
            }
        }
        func publish(_ number: Int) async throws {
            let token = AttemptToken(high: 3, low: UInt64(number))
            try await root.publish([image], as: Builds.numbered(number), of: token)
        }
        func name(_ number: Int) -> String { "minix86_64_20261121_\(number).qcow2" }
        for number in [3, 1, 2] { try await publish(number) }
        #expect(try sums() == [name(1), name(2), name(3)])
        // Somebody writes it anew, and removes an image by hand.
        let text = try fixture.text("images/build/mini/SHA256SUMS")
        try Files.remove("\(place)/\(name(2))")
        try Files.replace("\(place)/extra.iso", with: [1])
        try Files.replace("\(place)/SHA256SUMS", with: ("00  extra.iso\n" + text).utf8)
        try await publish(4)
        #expect(try sums() == ["extra.iso", name(1), name(3), name(4)])
        try await root.remove(Builds.numbered(3))
        #expect(try sums() == ["extra.iso", name(1), name(4)])
        try Files.remove("\(place)/SHA256SUMS")
        try await publish(5)
        #expect(try sums() == [name(5)])
    }
}
