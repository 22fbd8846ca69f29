import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

@testable import DockerKit

/// Pushes a disk as a release does: layer, configuration, manifest. - Returns: the digest.
@discardableResult
func pushDisk(
    _ path: String, to repository: RegistryRepository, tag: String, name: String = "a.qcow2"
) async throws -> (digest: String, layer: RegistryRepository.PushResult) {
    let layer = try DiskLayer(file: path, name: name)
    let digest = try await layer.digest()
    let manifest = DiskManifest(
        layerDigest: digest, layerBytes: layer.sizeBytes, labels: ["org.x.name": name])
    let pushed = try await repository.push(layer.blob(digest: digest))
    _ = try await repository.push(Blob(manifest.config))
    let kept = try await repository.put(
        manifest.manifest, type: DiskManifest.mediaType, tag: tag)
    return (kept, pushed)
}

/// Against a real docker-registry.
struct RegistryTests {
    private let folder: TemporaryFolder
    private let disk: String
    private let name = "disk" + String(UInt32.random(in: .min ... .max), radix: 16)

    init() throws {
        folder = try TemporaryFolder()
        disk = folder.path + "/image"
    }

    private func makeDisk(_ size: Int) throws {
        var chance = SeededGenerator(seed: size)
        let words = (0..<size / 4 + 1).map { _ in UInt32(chance.below(1 << 31)) }
        try words.withUnsafeBytes { try Files.replace(disk, with: $0.prefix(size)) }
    }

    @Test("An engine finds the pushed disk in the image, and equal bytes are pushed once")
    func engineReadsPushedDisk() async throws {
        try makeDisk(3_000_001)
        let registry = try await RegistryServer.shared()
        let repository = try Registry(url: registry.url).repository(name)
        let (digest, first) = try await pushDisk(disk, to: repository, tag: "7")
        #expect(first == .pushed(resumedAt: 0))
        // The same disk is already there, under any tag.
        let (again, second) = try await pushDisk(disk, to: repository, tag: "latest")
        #expect(again == digest)
        #expect(second == .wasThere)
        #expect(try await repository.tags().sorted() == ["7", "latest"])
        #expect(try await repository.manifest("7")?.digest == digest)

        let engine = try await DockerHost.shared().connect()
        let reference = repository.reference.pinned(to: digest)
        let image = try await engine.pull(reference, credentials: nil)
        let host = try await DockerHost.shared()
        try await host.run(["create", "--name", name, reference.description, "nothing"])
        let copied = try await host.docker(["cp", "\(name):/disk", "-"])
        try await host.run(["rm", name])
        try Files.replace(folder.path + "/out.tar", with: copied.stdout)
        let list = try await Command(
            ["tar", "--numeric-owner", "-tvf", folder.path + "/out.tar"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        let entry = list.stdoutText.split(separator: "\n").last?.split(separator: " ")
        #expect(entry?.prefix(3) == ["-r--r-----", "107/107", "3000001"])
        let content = try await Command(
            ["tar", "-xOf", folder.path + "/out.tar", "disk/a.qcow2"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300, outputLimitBytes: 16 << 20)
        #expect(try content.stdout == Files.read(disk, limitBytes: 16 << 20))
        _ = try await engine.removeImage(image.id)
        try await repository.delete(digest)
        try await repository.delete(digest)
        #expect(try await repository.manifest("7") == nil)
    }

    @Test("A registry with a password refuses others and never quotes it")
    func registryNeedsPassword() async throws {
        let server = try await RegistryServer.start(isOpen: false)
        let none = try Registry(url: server.url)
        let missing = try await failure { try await none.check() }
        #expect(missing.code == .unauthorized)
        #expect(missing.description.contains("requires a user and a password, which are not set"))
        let wrong = try Registry(
            url: server.url, credentials: RegistryCredentials(user: "robot", password: "guess"))
        let refused = try await failure { try await wrong.check() }
        #expect(refused.code == .unauthorized)
        #expect(!refused.description.contains("guess"))
        let right = try Registry(
            url: server.url,
            credentials: RegistryCredentials(
                user: RegistryServer.user, password: RegistryServer.password))
        try await right.check()
        try makeDisk(100_000)
        try await pushDisk(disk, to: right.repository(name), tag: "1")
        #expect(try await right.repository(name).tags() == ["1"])
        #expect(try await right.repository("nothing").tags() == [])
    }

    /// Docker's registry abandons an upload of which a chunk was interrupted: it starts again.
    @Test("A cut upload is restarted if the registry dropped it")
    func cutUploadIsRestarted() async throws {
        try makeDisk(40_000_000)
        let server = try await RegistryServer.shared()
        let proxy = try TCPProxy(to: server.port)
        let repository = try Registry(url: "http://127.0.0.1:\(proxy.port)").repository(name)
        let layer = try DiskLayer(file: disk, name: "a.qcow2")
        let digest = try await layer.digest()
        let (cuts, uploads) = (Notes<Int64>(), Notes<String>())
        let result = try await repository.push(
            layer.blob(digest: digest), onUpload: { uploads.add($0) },
            onProgress: { done in
                guard cuts.all.isEmpty, done > 20_000_000 else { return }
                cuts.add(done)
                proxy.set(.cut)
                proxy.set(.open)
            })
        #expect(result == .pushed(resumedAt: 0))
        #expect(cuts.all.count == 1)
        #expect(uploads.all.count == 2)
        #expect(try await Registry(url: server.url).repository(name).has(digest))
    }

    /// A crash after the last byte and before the registry got the digest.
    @Test("A complete upload is not sent again after a crash")
    func completeUploadIsNotResent() async throws {
        try makeDisk(5_000_000)
        let server = try await RegistryServer.shared()
        let registry = try Registry(url: server.url)
        let layer = try DiskLayer(file: disk, name: "a.qcow2")
        let digest = try await layer.digest()
        let blob = layer.blob(digest: digest)
        var begin = RegistryCall("POST", "\(server.url)/v2/\(name)/blobs/uploads/", "begin")
        begin.body = []
        let begun = try await registry.send(begin, accept: [202])
        let url = try #require(begun.headers["Location"])
        var patch = RegistryCall("PATCH", url, "patch")
        patch.headers.set("Content-Type", "application/octet-stream")
        patch.upload = blob.body(from: 0) { _ in }
        let sent = try await registry.send(patch, accept: [202])
        let location = try #require(sent.headers["Location"])
        let sentBytes = Notes<Int64>()
        let result = try await registry.repository(name).push(
            blob, upload: location,
            onProgress: { sentBytes.add($0) })
        #expect(result == .pushed(resumedAt: layer.sizeBytes))
        #expect(sentBytes.all == [])
        #expect(try await registry.repository(name).has(digest))
        // An upload that the registry no longer knows is started again.
        try makeDisk(5_000_001)
        let other = try DiskLayer(file: disk, name: "a.qcow2")
        #expect(
            try await registry.repository(name).push(
                other.blob(digest: other.digest()), upload: url) == .pushed(resumedAt: 0))
    }

    @Test("A full disk of the registry is named and may be retried")
    func fullRegistryIsNamed() async throws {
        try makeDisk(8 << 20)
        let server = try await RegistryServer.start(dataBytes: 4 << 20)
        let error = try await failure {
            try await pushDisk(
                disk, to: Registry(url: server.url).repository(name), tag: "1")
        }
        #expect(!error.isPermanent)
        #expect(error.description.contains("cannot push \(name)@sha256:"), "\(error.description)")
        #expect(error.description.contains("no space left on device"), "\(error.description)")
    }

    @Test("A registry that is away is unreachable, and malformed URLs are refused")
    func unreachableRegistry() async throws {
        let port = try LoopbackPort.free()
        let error = try await failure {
            try await Registry(url: "http://127.0.0.1:\(port)/").check()
        }
        #expect(error.code == .unreachable)
        for wrong in ["127.0.0.1:5000", "https://user:pw@registry", "ftp://x", ""] {
            #expect(throws: DockerError.self, "\(wrong)") { try Registry(url: wrong) }
        }
    }

    @Test("A file that changes during a push is not accepted")
    func changedFileIsNotPushed() async throws {
        try makeDisk(2_000_000)
        let server = try await RegistryServer.shared()
        let layer = try DiskLayer(file: disk, name: "a.qcow2")
        let digest = try await layer.digest()
        try Files.replace(disk, with: [UInt8](repeating: 7, count: 2_000_000))
        let repository = try Registry(url: server.url).repository(name)
        let error = try await failure { _ = try await repository.push(layer.blob(digest: digest)) }
        #expect(error.description.contains("digest"), "\(error.description)")
        #expect(error.isPermanent)
        #expect(try await !repository.has(digest))
    }
}
