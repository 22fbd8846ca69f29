import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TextKit

/// Gets the base image of an attempt: from the cache, from a path on this host, or by HTTP.
struct BaseImageFetcher {
    let context: AttemptContext
    let wanted: BaseImage
    /// What limits where the image may come from, because a template names it; `nil` for one that
    /// the coordinator names.
    let isolation: Isolation?
    /// Where the attempt finds the image.
    var folder: String?

    private var cache: BaseImageCache {
        BaseImageCache(state: StateFolder(context.order.stateFolder))
    }

    func fetch() throws -> FetchedBaseImage {
        switch BaseImageURL(wanted.url) {
        case .file(let path): return try local(path)
        case .http: return try cached()
        case nil:
            throw Fault(
                .template, .baseImageMissing,
                "unsupported base image URL \(Names.quoted(wanted.url)): use http, https, or file "
                    + "with an absolute path")
        }
    }

    // MARK: A file on this host

    /// Used in place. Its digest is computed once for each state of the file.
    private func local(_ path: String) throws -> FetchedBaseImage {
        if let closed = Files.closedFolder(above: path) {
            throw Fault(
                .template, .baseImageMissing,
                "the agent's user may not enter \(Names.quoted(closed)) on this host, so it cannot "
                    + "read the base image \(Names.quoted(path)). Keep it where every user can "
                    + "read it, such as below /srv")
        }
        guard let identity = FileIdentity(path), let real = Links.resolved(path),
            Files.kind(real) == .file
        else {
            // Another host may have it, but a build must not depend on where it happens to start.
            throw Fault(
                .template, .baseImageMissing,
                "the base image \(Names.quoted(path)) is not on this host. A `file:` base image "
                    + "must be on every host that may build it: copy it there, or let it be "
                    + "fetched over http or https")
        }
        try checkOpen(path, real)
        guard let expected = wanted.digest else { return FetchedBaseImage(path: path) }
        let algorithm = expected.algorithm == .sha256 ? "" : expected.algorithm.rawValue + "-"
        let key = "file-" + algorithm + SHA256.hex(path.utf8)
        let known = try? StateFile.read(
            BaseImageCache.Note.self, cache.note(key), limitBytes: AgentLimits.stateFileBytes)
        var digest = known?.sha256 ?? ""
        if known?.identity != identity {
            try context.report(.preparing, "checking base image")
            digest = try FileDigest.compute(path, expected.algorithm) { try context.checkpoint() }
            let note = BaseImageCache.Note(identity: identity, sha256: digest)
            try Files.replace(cache.note(key), with: StateFile.encode(note), mode: 0o600)
        }
        guard digest == expected.hex else { throw wrongDigest(digest) }
        return FetchedBaseImage(path: path, digest: expected)
    }

    private func checkOpen(_ path: String, _ real: String) throws {
        guard let isolation else { return }
        let state = context.order.stateFolder
        let rule = LocalImageRule(isolation, stateFolder: Links.resolved(state) ?? state)
        guard let mode = Files.mode(real), rule.allows(real, mode: mode) else {
            throw Fault(
                .template, .baseImageMissing,
                "the file \(Names.quoted(path)) is not open to builds: a base image on the host "
                    + "must be readable by every user, or its folder be listed under `read_only` "
                    + "in agent.yml; nothing of the agent itself is")
        }
    }

    // MARK: The cache

    private func cached() throws -> FetchedBaseImage {
        let key = BaseImageCache.key(wanted)
        let lock = try takeLock(key)
        if let digest = wanted.digest, try isIntact(key, digest) {
            try context.log.note("base image \(key) is cached")
        } else {
            try download(key)
        }
        cache.touch(key)
        // A hard link, since the cache may drop the file while the attempt runs.
        let path = "\(folder ?? context.folder.baseImage)/\(BaseImageURL.fileName(wanted.url))"
        if link(cache.path(key), path) != 0 { throw SystemError.last("cannot link \(path)") }
        _ = consume lock
        return FetchedBaseImage(path: path, digest: wanted.digest)
    }

    /// Whether the cache holds the image, byte for byte: what is named by its digest is worth only
    /// as much as the last look at its bytes.
    private func isIntact(_ key: String, _ digest: ImageDigest) throws -> Bool {
        guard cache.intactNote(key) != nil else { return false }
        try context.report(.preparing, "checking base image")
        let found = try FileDigest.compute(cache.path(key), digest.algorithm) {
            try context.checkpoint()
        }
        if found == digest.hex { return true }
        try context.log.note("the cached base image \(key) was changed: it is fetched again")
        cache.remove(key)
        return false
    }

    /// One attempt at a time fetches an image; the others wait and then find it in the cache.
    private func takeLock(_ key: String) throws -> FileLock {
        var isReported = false
        while true {
            if let lock = try FileLock.tryTake(cache.lock(key)) { return lock }
            if !isReported {
                try context.enter(.preparing, "waiting for another build to fetch the base image")
                isReported = true
            }
            _ = try Wait.readable(
                [context.control.watch.descriptor.raw],
                timeoutMilliseconds: AgentLimits.singleFlightMilliseconds)
            try context.checkpoint()
        }
    }

    // MARK: Download

    private func download(_ key: String) throws {
        let shown = BaseImageURL.fileName(wanted.url)
        var failed: FetchFailure?
        for attempt in 0..<AgentLimits.fetchTries {
            if attempt > 0 { try pause(before: attempt) }
            let request = request(key)
            try context.enter(
                .preparing,
                request.offsetBytes > 0
                    ? "resuming base image \(shown) at byte \(request.offsetBytes)"
                    : "fetching base image \(shown)")
            switch try run(request) {
            case .unchanged:
                try context.log.note("base image \(shown) is cached and unchanged on the server")
                return
            case .done(let offset, let total, let tag):
                if try accept(key, offset: offset, total: total, entityTag: tag) { return }
            case .failed(let failure):
                try judge(failure, key)
                failed = failure
            case .progress, nil:
                failed = FetchFailure(.transient, "the download ended without a result")
            }
        }
        throw Fault(
            .infrastructure, .baseImageFetch,
            "cannot fetch the base image in \(AgentLimits.fetchTries) tries: "
                + (failed?.message ?? "its digest was wrong"))
    }

    private func request(_ key: String) -> FetchRequest {
        let stall = min(AgentLimits.fetchStallSeconds, context.order.start.limits.silenceSeconds)
        return FetchRequest(
            url: wanted.url, part: cache.part(key),
            // Without a digest a mixture of two files would not be noticed.
            offsetBytes: wanted.digest == nil ? 0 : Files.sizeBytes(cache.part(key)) ?? 0,
            limitBytes: AgentLimits.baseImageBytes,
            connectSeconds: min(AgentLimits.fetchConnectSeconds, stall), stallSeconds: stall,
            knownTag: wanted.digest == nil ? cache.intactNote(key)?.entityTag : nil,
            networks: networks, proxies: context.order.proxy?.endpoints,
            caFile: context.order.proxy?.caFile)
    }

    private var networks: FetchNetworks? {
        isolation.map { FetchNetworks($0, hostAddresses: IPv4Network.ofThisHost()) }
    }

    /// Runs `aibuild-fetch`, subject to the attempt's timers and cancel requests.
    private func run(_ request: FetchRequest) throws -> FetchEvent? {
        let file = context.folder.root + "/fetch.json"
        try Files.replace(file, with: StateFile.encode(request), mode: 0o600)
        defer { unlink(file) }
        let command = Command(
            [context.order.fetchProgram, file],
            environment: BuildEnvironment.own(
                context.order, context.folder, closed: request.networks?.closed ?? []))
        var sink = FetchSink()
        var shown = ""
        var nextLog = Clocks.monotonicMilliseconds() + AgentLimits.progressLogMilliseconds
        do {
            // Silence means a stalled mirror, which is not a fault of the template.
            let runner = ProgramRunner(
                context: context, isGrouped: false, confinement: .none, endsOnSilence: false)
            _ = try runner.run(command, &sink) { sink, _ in
                guard let progress = sink.progress, progress != shown else { return nil }
                shown = progress
                try context.report(.preparing, progress)
                if Clocks.monotonicMilliseconds() >= nextLog {
                    try context.log.note(progress)
                    nextLog = Clocks.monotonicMilliseconds() + AgentLimits.progressLogMilliseconds
                }
                return nil
            }
        } catch let error as NotRunnable {
            throw Fault(
                .infrastructure, .hostError,
                "\(error): it fetches base images and belongs next to aibuild-agent")
        }
        return sink.last
    }

    /// Verifies the download and adds it to the cache.
    /// - Returns: false if a resumed file has a wrong digest: it may be a mixture of two files, and
    ///   is fetched again in full before the template is blamed.
    private func accept(
        _ key: String, offset: Int64, total: Int64, entityTag: String?
    ) throws -> Bool {
        try context.report(.preparing, "checking base image")
        let digest = try FileDigest.compute(
            cache.part(key), wanted.digest?.algorithm ?? .sha256
        ) { try context.checkpoint() }
        if let expected = wanted.digest, digest != expected.hex {
            unlink(cache.part(key))
            if offset > 0 { return false }
            throw wrongDigest(digest)
        }
        try Descriptor(cache.part(key), O_RDONLY).sync()
        chmod(cache.part(key), 0o400)
        try Files.rename(cache.part(key), to: cache.path(key))
        try cache.remember(key, sha256: digest, entityTag: entityTag)
        try context.log.note("fetched base image \(digest), \(total) bytes")
        return true
    }

    /// Throws the fault that ends the attempt; returns if the failure is worth a retry.
    private func judge(_ failure: FetchFailure, _ key: String) throws {
        switch failure.kind {
        case .missing:
            throw Fault(
                .template, .baseImageMissing, "cannot get the base image: \(failure.message)")
        case .diskFull: throw SystemError(errno: ENOSPC, failure.message)
        case .host: throw Fault(.infrastructure, .baseImageFetch, failure.message)
        case .notResumable:
            unlink(cache.part(key))
            try context.log.note(failure.message)
        case .transient: try context.log.note(failure.message)
        }
    }

    private func pause(before attempt: Int) throws {
        let until =
            Clocks.monotonicMilliseconds() + AgentLimits.fetchPauseMilliseconds << (attempt - 1)
        while true {
            let rest = until - Clocks.monotonicMilliseconds()
            if rest <= 0 { return }
            _ = try Wait.readable(
                [context.control.watch.descriptor.raw], timeoutMilliseconds: Int32(rest))
            try context.checkpoint()
        }
    }

    private func wrongDigest(_ digest: String) -> Fault {
        let wantedHex = wanted.digest?.hex ?? "none"
        let title = (wanted.digest?.algorithm ?? .sha256).title
        let remedy =
            wanted.checksumURL.map {
                "but \($0) named \(wantedHex) when the build was submitted. If the publisher "
                    + "replaced the image since, submit the build again."
            }
            ?? "but aibuild.yml requires \(wantedHex). If the publisher replaced it, update "
            + "aibuild.yml."
        return Fault(
            .template, .baseImageDigest,
            "the base image \(BaseImageURL.fileName(wanted.url)) has the \(title) digest "
                + "\(digest), \(remedy)")
    }
}
