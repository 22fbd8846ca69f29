import AgentCore
@testable import AgentRuntime
import BuildProtocol
import Glibc
import Support
import TestSupport
import Testing

/// Base images by HTTP and from paths of the host.
@Suite struct BaseImageTests {
    private let file = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ ($0 >> 9)) }
    private var digest: String { SHA256.hex(file) }

    /// Prints the digest of what it was given.
    private let script = "sha256sum < \"$AIBUILD_BASE_IMAGE\"; echo \"$AIBUILD_BASE_IMAGE\""

    private func limits(silence: Int = 200) -> AttemptLimits {
        AttemptLimits(totalSeconds: 300, silenceSeconds: silence)
    }

    @Test func isFetchedOnceAndResumed() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let mirror = try MirrorServer(file) { _, number in number == 0 ? .cut(1_000_000) : .file }
        let image = BaseImage(url: mirror.url("/d/debian.qcow2?x=1"), sha256: digest)
        let client = try await agent.connect()
        let built = try await client.build(agent.start(template, baseImage: image))
        #expect(built.fault == nil, "\(built.log)")
        #expect(built.texts.contains { $0.hasPrefix(digest) })
        #expect(built.texts.contains { $0.hasSuffix("/base/debian.qcow2") })
        #expect(mirror.requests.map(\.range) == [nil, 1_000_000])
        // Another URL, the same digest: it is here; and used now, so that others are dropped first.
        let note = BaseImageCache(state: agent.state).note(digest)
        utimensat(AT_FDCWD, note, Array(repeating: timespec(tv_sec: 9, tv_nsec: 0), count: 2), 0)
        let elsewhere = BaseImage(url: "http://127.0.0.1:1/gone", sha256: digest)
        let again = try await client.build(agent.start(template, baseImage: elsewhere))
        #expect(again.fault == nil)
        #expect(mirror.requests.count == 2)
        #expect(try #require(Files.modifiedNanoseconds(note)) > 9_000_000_000)
        let hello = try await TestClient(agent.state.socket).greet()
        #expect(hello.host.baseImages == [digest])
        _ = daemon.pid
    }

    @Test func manyAttemptsFetchItOnce() async throws {
        let agent = try TestAgent("qemu_system: no-such-qemu\nslots: 4\n")
        let daemon = try await agent.startDaemon()
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
        _ = daemon.pid
    }

    @Test func withoutDigestTheServerIsAsked() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let mirror = try MirrorServer(file) { request, _ in request.hasTag ? .status(304) : .file }
        let image = BaseImage(url: mirror.url("/a.img"), sha256: nil)
        let client = try await agent.connect()
        for _ in 0..<2 {
            let built = try await client.build(agent.start(template, baseImage: image))
            #expect(built.texts.contains { $0.hasPrefix(digest) })
        }
        #expect(mirror.requests.map(\.hasTag) == [false, true])
        _ = daemon.pid
    }

    @Test func aWrongDigestIsTheTemplates() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let mirror = try MirrorServer(file) { _, _ in .file }
        let wrong = String(repeating: "c", count: 64)
        let client = try await agent.connect()
        let image = BaseImage(url: mirror.url("/a.img"), sha256: wrong)
        let fault = try await client.build(agent.start(template, baseImage: image)).fault
        #expect(fault?.code == .baseImageDigest)
        #expect(fault?.class == .template)
        #expect(fault?.reason.contains(digest) == true && fault?.reason.contains(wrong) == true)
        let left = try Files.list(agent.state.baseImages)
        #expect(left.allSatisfy { $0.hasSuffix(".lock") }, "\(left)")
        _ = daemon.pid
    }

    /// A part of an older file, resumed, is a mixture: the template is blamed only after a whole
    /// download.
    @Test func aMixtureIsFetchedAnew() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        try Files.replace(
            "\(agent.state.baseImages)/\(digest).part",
            with: [UInt8](repeating: 0, count: 500_000))
        let mirror = try MirrorServer(file) { _, _ in .file }
        let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
        let client = try await agent.connect()
        let built = try await client.build(agent.start(template, baseImage: image))
        #expect(built.fault == nil, "\(built.log)")
        #expect(mirror.requests.map(\.range) == [500_000, nil])
        _ = daemon.pid
    }

    @Test func aPartThatTheServerDoesNotContinueIsFetchedAnew() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let part = BaseImageCache(state: agent.state).part(digest)
        try Files.replace(part, with: file.prefix(500_000))
        let mirror = try MirrorServer(file) { request, _ in
            request.range == nil ? .file : .status(416)
        }
        let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
        let client = try await agent.connect()
        let built = try await client.build(agent.start(template, baseImage: image))
        #expect(built.fault == nil, "\(built.log)")
        #expect(mirror.requests.map(\.range) == [500_000, nil])
        _ = daemon.pid
    }

    /// Nothing would tell a mixture of two files from one.
    @Test func withoutADigestNothingIsResumed() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let mirror = try MirrorServer(file) { _, _ in .file }
        let image = BaseImage(url: mirror.url("/a.img"), sha256: nil)
        let part = BaseImageCache(state: agent.state).part(BaseImageCache.key(image))
        try Files.replace(part, with: [UInt8](repeating: 0, count: 500_000))
        let client = try await agent.connect()
        let built = try await client.build(agent.start(template, baseImage: image))
        #expect(built.texts.contains { $0.hasPrefix(digest) }, "\(built.log)")
        #expect(mirror.requests.map(\.range) == [nil])
        _ = daemon.pid
    }

    @Test func aMissingImageIsTheTemplates() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let mirror = try MirrorServer(file) { _, _ in .status(404) }
        let client = try await agent.connect()
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
        _ = daemon.pid
    }

    @Test(arguments: [MirrorServer.Reply.status(503), .stall(100_000), .cut(0)])
    func aSickMirrorIsNot(reply: MirrorServer.Reply) async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let mirror = try MirrorServer(file) { _, _ in reply }
        let client = try await agent.connect()
        let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
        let fault = try await client.build(
            agent.start(template, baseImage: image, limits: limits(silence: 1))
        ).fault
        #expect(fault?.code == .baseImageFetch)
        #expect(fault?.class == .infrastructure)
        #expect(mirror.requests.count == AgentLimits.fetchTries)
        _ = daemon.pid
    }

    @Test func aStalledFetchObeysCancel() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let mirror = try MirrorServer(file) { _, _ in .stall(100_000) }
        let client = try await agent.connect()
        let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
        let start = agent.start(template, baseImage: image)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "fetching base image")
        try await client.send(.cancel(Cancel(attempt: start.attempt, reason: "x")))
        #expect(try await client.follow(start.attempt).fault?.code == .cancelled)
        _ = daemon.pid
    }

    @Test func pathsOfTheHostAreUsedWhereTheyLie() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: script)
        let path = agent.folder.path + "/a b.iso"
        try Files.replace(path, with: file)
        let url = "file://\(agent.folder.path)/a%20b.iso"
        let client = try await agent.connect()
        for sha256 in [digest, digest, nil] {
            let built = try await client.build(
                agent.start(template, baseImage: BaseImage(url: url, sha256: sha256)))
            #expect(built.texts.contains(path))
            #expect(built.texts.contains { $0.hasPrefix(digest) })
        }
        // The remembered digest does not outlive the file's bytes.
        try Files.replace(path, with: file.reversed())
        let changed = try await client.build(
            agent.start(template, baseImage: BaseImage(url: url, sha256: digest)))
        #expect(changed.fault?.code == .baseImageDigest)
        try Files.remove(path)
        let gone = try await client.build(
            agent.start(template, baseImage: BaseImage(url: url, sha256: digest)))
        #expect(gone.fault?.code == .baseImageFetch)
        #expect(gone.fault?.reason.contains("not on this host") == true)
        _ = daemon.pid
    }

    /// A build that writes to the image it was given spoils it for itself only.
    @Test func aSpoiledImageIsFetchedAgain() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(
            script: script + "\nchmod u+w $AIBUILD_BASE_IMAGE; echo x >> $AIBUILD_BASE_IMAGE")
        let mirror = try MirrorServer(file) { _, _ in .file }
        let client = try await agent.connect()
        let image = BaseImage(url: mirror.url("/a.img"), sha256: digest)
        for _ in 0..<2 {
            let built = try await client.build(agent.start(template, baseImage: image))
            #expect(built.texts.contains { $0.hasPrefix(digest) })
        }
        #expect(mirror.requests.count == 2)
        _ = daemon.pid
    }

    @Test func theCacheIsBounded() async throws {
        let agent = try TestAgent("qemu_system: no-such-qemu\ncache_bytes: 4MiB\n")
        for folder in agent.state.folders { try Files.makeFolder(folder) }
        let state = agent.state
        let digests = ["a", "b", "c"].map { String(repeating: $0, count: 64) }
        for (age, digest) in digests.enumerated() {
            try Files.replace("\(state.baseImages)/\(digest)", with: file)
            let note = "\(state.baseImages)/\(digest).json"
            try Files.replace(note, with: Array("{}".utf8))
            var times = [timespec(tv_sec: 1_000_000 - age, tv_nsec: 0), timespec()]
            times[1] = times[0]
            utimensat(AT_FDCWD, note, times, 0)
        }
        let daemon = try await agent.startDaemon()
        try await eventually("only the image used last is left") {
            try Files.list(state.baseImages).filter { Names.isSHA256($0) } == [digests[0]]
        }
        _ = daemon.pid
    }
}
