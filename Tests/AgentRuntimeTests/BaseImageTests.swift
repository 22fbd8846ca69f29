import AgentCore
@testable import AgentRuntime
import BuildProtocol
import Glibc
import Support
import TestSupport
import Testing

/// Base images from HTTP URLs and from paths of the host.
@Suite struct BaseImageTests {
    private let file = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ ($0 >> 9)) }
    private var digest: String { SHA256.hex(file) }

    /// Prints the digest of its base image.
    private let script = "sha256sum < \"$AIBUILD_BASE_IMAGE\"; echo \"$AIBUILD_BASE_IMAGE\""

    private func limits(silence: Int = 200) -> AttemptLimits {
        AttemptLimits(totalSeconds: 300, silenceSeconds: silence)
    }

    /// The name does not exist, so only a proxy can have answered.
    @Test("A base image is fetched through the proxy, and what is closed is not")
    func proxy() async throws {
        let proxy = try MirrorServer(file) { _, _ in .file }
        let port = proxy.port
        let settings =
            TestAgent.withoutQEMU + "proxy: {http: 'http://localhost:\(port)', no_proxy: [x.y]}\n"
        try await withAgent(settings) { agent, client in
            let template = try await agent.deliver(
                script: script + "; echo $http_proxy $NO_PROXY")
            let url = "http://mirror.invalid/a.qcow2"
            let image = BaseImage(url: url, sha256: digest)
            let built = try await client.build(agent.start(template, baseImage: image))
            #expect(built.fault == nil, "\(built.log)")
            #expect(proxy.requests.map(\.path) == [url])
            #expect(
                built.texts.contains("http://localhost:\(port) localhost,127.0.0.1,::1,x.y"))
            for closed in ["http://169.254.169.254/a.img", "http://127.0.0.1:9/b.img"] {
                let image = BaseImage(url: closed, sha256: nil)
                let refused = try await client.build(agent.start(template, baseImage: image))
                #expect(refused.fault?.reason.contains("which is closed") == true)
            }
            #expect(proxy.requests.count == 1)
        }
    }

    @Test("A base image is verified by its SHA-512, from a server or on the host")
    func sha512() async throws {
        var hasher = Digest.sha512()
        file.withUnsafeBytes { hasher.update($0) }
        let digest = hasher.finish()
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { _, _ in .file }
            let local = agent.folder.path + "/local.img"
            try Files.replace(local, with: file, mode: 0o644)
            chmod(agent.folder.path, 0o755)
            for url in [mirror.url("/a.img"), mirror.url("/a.img"), "file://" + local] {
                let image = BaseImage(url: url, sha256: nil, sha512: digest)
                let built = try await client.build(agent.start(template, baseImage: image))
                #expect(built.fault == nil, "\(built.log)")
            }
            #expect(mirror.requests.count == 1, "the second build finds it in the cache")
            let wrong = String(repeating: "0", count: 128)
            for url in [mirror.url("/a.img"), "file://" + local] {
                let image = BaseImage(
                    url: url, sha256: nil, sha512: wrong, checksumURL: "http://x/SHA512SUMS")
                let fault = try await client.build(agent.start(template, baseImage: image)).fault
                #expect(fault?.code == .baseImageDigest)
                #expect(fault?.reason.contains("the SHA-512 digest \(digest)") == true)
                #expect(fault?.reason.contains("submit the build again") == true)
            }
        }
    }

    @Test("An interrupted fetch resumes, and the cached image serves any URL of its digest")
    func fetchResumesAndCaches() async throws {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { _, number in number == 0 ? .cut(1_000_000) : .file
            }
            let image = BaseImage(url: mirror.url("/d/debian.qcow2?x=1"), sha256: digest)
            let built = try await client.build(agent.start(template, baseImage: image))
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.texts.contains { $0.hasPrefix(digest) })
            #expect(built.texts.contains { $0.hasSuffix("/base/debian.qcow2") })
            #expect(mirror.requests.map(\.range) == [nil, 1_000_000])
            // Another URL with the same digest is served from the cache, which marks it as used.
            let note = BaseImageCache(state: agent.state).note(digest)
            utimensat(
                AT_FDCWD, note, Array(repeating: timespec(tv_sec: 9, tv_nsec: 0), count: 2), 0)
            let elsewhere = BaseImage(url: "http://127.0.0.1:1/gone", sha256: digest)
            let again = try await client.build(agent.start(template, baseImage: elsewhere))
            #expect(again.fault == nil)
            #expect(mirror.requests.count == 2)
            #expect(try #require(Files.modifiedNanoseconds(note)) > 9_000_000_000)
            let hello = try await TestClient(agent.state.socket).greet()
            #expect(hello.host.baseImages == [digest])
        }
    }

    @Test("Concurrent attempts fetch a base image once")
    func concurrentAttemptsFetchOnce() async throws {
        try await withAgent(TestAgent.withMirror + "slots: 4\n") { agent in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { _, _ in .file }
            let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
            try await withThrowingTaskGroup(of: Fault?.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let client = try await agent.connect()
                        return try await client.build(agent.start(template, baseImage: image)).fault
                    }
                }
                for try await fault in group { #expect(fault == nil) }
            }
            #expect(mirror.requests.count == 1)
        }
    }

    @Test("Without a digest the cached image is revalidated by entity tag")
    func noDigestRevalidates() async throws {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { request, _ in
                request.hasTag ? .status(304) : .file
            }
            let image = BaseImage(url: mirror.url("/a.img"), sha256: nil)
            for _ in 0..<2 {
                let built = try await client.build(agent.start(template, baseImage: image))
                #expect(built.texts.contains { $0.hasPrefix(digest) })
            }
            #expect(mirror.requests.map(\.hasTag) == [false, true])
        }
    }

    @Test("A wrong digest is a template fault that names both digests")
    func wrongDigestIsTemplateFault() async throws {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { _, _ in .file }
            let wrong = String(repeating: "c", count: 64)
            let image = BaseImage(url: mirror.url("/a.img"), sha256: wrong)
            let fault = try await client.build(agent.start(template, baseImage: image)).fault
            #expect(fault?.code == .baseImageDigest)
            #expect(fault?.class == .template)
            #expect(fault?.reason.contains(digest) == true && fault?.reason.contains(wrong) == true)
            let left = try Files.list(agent.state.baseImages)
            #expect(left.allSatisfy { $0.hasSuffix(".lock") }, "\(left)")
        }
    }

    /// A resumed download may mix an older file with a newer one, so the template is blamed only
    /// after a complete download. A server may also refuse to resume.
    @Test(
        "A partial download that is corrupt or cannot be resumed is fetched again in full",
        arguments: [true, false]) func uselessPartIsRefetched(isResumable: Bool) async throws
    {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            try Files.replace(
                BaseImageCache(state: agent.state).part(digest),
                with: isResumable
                    ? Array(repeating: 0, count: 500_000) : Array(file.prefix(500_000)))
            let mirror = try MirrorServer(file) { request, _ in
                isResumable || request.range == nil ? .file : .status(416)
            }
            let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
            let built = try await client.build(agent.start(template, baseImage: image))
            #expect(built.fault == nil, "\(built.log)")
            #expect(mirror.requests.map(\.range) == [500_000, nil])
        }
    }

    /// A mixture of two files could not be detected.
    @Test("Without a digest a download is never resumed")
    func noDigestNeverResumes() async throws {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { _, _ in .file }
            let image = BaseImage(url: mirror.url("/a.img"), sha256: nil)
            let part = BaseImageCache(state: agent.state).part(BaseImageCache.key(image))
            try Files.replace(part, with: [UInt8](repeating: 0, count: 500_000))
            let built = try await client.build(agent.start(template, baseImage: image))
            #expect(built.texts.contains { $0.hasPrefix(digest) }, "\(built.log)")
            #expect(mirror.requests.map(\.range) == [nil])
        }
    }

    @Test("A missing base image is a template fault and is not retried")
    func missingImageIsTemplateFault() async throws {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { _, _ in .status(404) }
            let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
            let fault = try await client.build(agent.start(template, baseImage: image)).fault
            #expect(fault?.code == .baseImageMissing)
            #expect(fault?.class == .template)
            #expect(fault?.reason.contains("404") == true)
            #expect(mirror.requests.count == 1)
            let ftp = BaseImage(url: "ftp://127.0.0.1/a", sha256: nil)
            #expect(
                try await client.build(agent.start(template, baseImage: ftp)).fault?.code
                    == .baseImageMissing)
            // No DNS server is needed to know that this name does not exist.
            let nowhere = BaseImage(url: "http://no..host/a.img", sha256: digest)
            let unknown = try await client.build(agent.start(template, baseImage: nowhere)).fault
            #expect(unknown?.class == .template, "\(unknown as Any)")
        }
    }

    @Test(
        "A broken mirror is an infrastructure fault after all retries",
        arguments: [MirrorServer.Reply.status(503), .stall(100_000), .cut(0)])
    func brokenMirrorIsInfrastructure(reply: MirrorServer.Reply) async throws {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { _, _ in reply }
            let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
            let fault = try await client.build(
                agent.start(template, baseImage: image, limits: limits(silence: 1))
            ).fault
            #expect(fault?.code == .baseImageFetch)
            #expect(fault?.class == .infrastructure)
            #expect(mirror.requests.count == AgentLimits.fetchTries)
        }
    }

    @Test("A cancel request ends a stalled fetch")
    func cancelEndsStalledFetch() async throws {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let mirror = try MirrorServer(file) { _, _ in .stall(100_000) }
            let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
            let start = agent.start(template, baseImage: image)
            try await client.send(.start(start))
            try await client.follow(start.attempt, until: "fetching base image")
            try await client.send(.cancel(Cancel(attempt: start.attempt, reason: "x")))
            #expect(try await client.follow(start.attempt).fault?.code == .cancelled)
        }
    }

    @Test("A base image on the host is used in place and hashed again after a change")
    func localImageIsUsedInPlace() async throws {
        try await withAgent(TestAgent.withMirror) { agent, client in
            let template = try await agent.deliver(script: script)
            let path = agent.folder.path + "/a b.iso"
            try Files.replace(path, with: file)
            let url = "file://\(agent.folder.path)/a%20b.iso"
            for sha256 in [digest, digest, nil] {
                let built = try await client.build(
                    agent.start(template, baseImage: BaseImage(url: url, sha256: sha256)))
                #expect(built.texts.contains(path))
                #expect(built.texts.contains { $0.hasPrefix(digest) })
            }
            // The remembered digest becomes invalid when the file changes.
            try Files.replace(path, with: file.reversed())
            let changed = try await client.build(
                agent.start(template, baseImage: BaseImage(url: url, sha256: digest)))
            #expect(changed.fault?.code == .baseImageDigest)
            try Files.remove(path)
            let gone = try await client.build(
                agent.start(template, baseImage: BaseImage(url: url, sha256: digest)))
            #expect(gone.fault?.code == .baseImageMissing && gone.fault?.class == .template)
            #expect(gone.fault?.reason.contains("not on this host") == true)
        }
    }

    /// A build that writes to its base image changes only its own copy.
    @Test("A cached image that a build modified is fetched again")
    func modifiedImageIsRefetched() async throws {
        try await withAgent(TestAgent.unisolated) { agent, client in
            let template = try await agent.deliver(
                script: script + "\nchmod u+w $AIBUILD_BASE_IMAGE; echo x >> $AIBUILD_BASE_IMAGE")
            let mirror = try MirrorServer(file) { _, _ in .file }
            let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
            for _ in 0..<2 {
                let built = try await client.build(agent.start(template, baseImage: image))
                #expect(built.texts.contains { $0.hasPrefix(digest) })
            }
            #expect(mirror.requests.count == 2)
        }
    }

    @Test("The cache drops the least recently used images beyond its limit")
    func cacheIsBounded() async throws {
        let agent = try TestAgent("qemu_system: no-such-qemu\ncache_bytes: 4MiB\n")
        let state = agent.state
        for folder in state.folders { try Files.makeFolder(folder) }
        let digests = ["a", "b", "c"].map { String(repeating: $0, count: 64) }
        for (age, digest) in digests.enumerated() {
            try Files.replace("\(state.baseImages)/\(digest)", with: file)
            let note = "\(state.baseImages)/\(digest).json"
            try Files.replace(note, with: Array("{}".utf8))
            let time = timespec(tv_sec: 1_000_000 - age, tv_nsec: 0)
            utimensat(AT_FDCWD, note, [time, time], 0)
        }
        try await agent.serve {
            try await eventually("only the image used last is left") {
                try Files.list(state.baseImages).filter { Names.isSHA256($0) } == [digests[0]]
            }
        }
    }

    @Test("A template's archive that was changed on the host is not unpacked, and is removed")
    func changedArchive() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(script: "echo x")
            let path = agent.state.template(template.sha256)
            var bytes = try Files.read(path, limitBytes: 1 << 20)
            bytes[bytes.count - 1] ^= 1
            try Files.replace(path, with: bytes)
            let fault = try await client.build(agent.start(template)).fault
            #expect(fault?.class == .infrastructure, "\(fault as Any)")
            #expect(fault?.reason.contains("was changed on this host") == true)
            #expect(!Files.exists(path), "it is delivered again")
        }
    }
}
