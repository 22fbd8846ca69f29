import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// Pulls the artifacts of one attempt into the web root's incoming place: taken up again where it
/// broke, chunk by chunk, and verified before anything sees it. One session at a time: two were
/// slower, since what comes out of order must be read back for the digest.
struct ArtifactPipeline {
    let ports: Ports
    let host: Host
    let token: AttemptToken
    let buildID: String
    let coordinator: Coordinator

    /// - Throws: `Fault` when it cannot be done at all; `CancellationError`.
    func collect(_ artifacts: [Artifact]) async throws {
        let progress = TransferProgress(
            totalBytes: artifacts.reduce(0) { $0 + $1.sizeBytes }, ports: ports)
        for artifact in artifacts {
            var mismatches = 0
            var backoff = ports.backoff()
            while true {
                do {
                    let file = try await ports.webRoot.incoming(artifact, of: token)
                    try await pull(artifact, into: file, progress)
                    // A pull that was called off looks like a whole one; what is missing would be
                    // taken for damage.
                    try Task.checkCancellation()
                    if try await file.verify() { break }
                    mismatches += 1
                    guard mismatches < ports.limits.digestMismatches else {
                        throw Fault(
                            .infrastructure, .pullDigest,
                            "\(artifact.name) from \(host.name) arrived \(mismatches) times with "
                                + "another SHA-256 than the agent measured: check that host's disk")
                    }
                } catch let fault as Fault {
                    throw fault
                } catch {
                    // The host is away, the transfer stalled, the web root is full: all of it may
                    // pass. The host's absence has its own limit, which ends this task.
                    try Task.checkCancellation()
                    await coordinator.note(buildID, phase: "waiting to pull: \(error)")
                    try await ports.sleep(milliseconds: backoff.next())
                }
            }
            progress.fileDone(artifact.sizeBytes)
        }
    }

    private func pull(
        _ artifact: Artifact, into file: any IncomingFile, _ progress: TransferProgress
    ) async throws {
        let missing = try await file.missingRanges()
        let missingBytes = missing.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
        progress.begin(at: artifact.sizeBytes - missingBytes)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for range in missing {
                    try await ports.gateway.read(
                        artifact, of: token, from: host, offset: range.lowerBound,
                        length: range.upperBound - range.lowerBound
                    ) { offset, bytes in
                        try await file.write(bytes, at: offset)
                        if progress.add(Int64(bytes.count)) {
                            await coordinator.note(
                                buildID, doneBytes: progress.doneBytes,
                                totalBytes: progress.totalBytes)
                        }
                    }
                }
            }
            group.addTask { try await watch(progress, artifact) }
            // The watch never ends by itself: once the reader is done, it is called off.
            try await group.next()
            group.cancelAll()
        }
    }

    /// Ends the transfer when no byte came for too long, whatever SSH's keepalives say.
    private func watch(_ progress: TransferProgress, _ artifact: Artifact) async throws {
        let limit = ports.limits.transferStallMilliseconds
        while true {
            let quietSince = progress.lastByteMilliseconds
            let deadline = quietSince + limit
            do { try await ports.environment.sleep(untilMonotonicMilliseconds: deadline) } catch {
                return
            }
            if progress.lastByteMilliseconds == quietSince {
                throw HostFault(
                    "no byte of \(artifact.name) came from \(host.name) for \(limit / 1000) s")
            }
        }
    }
}

/// Bytes so far, for the person who looks and for the stall watch.
private final class TransferProgress: Sendable {
    private struct State {
        var finishedFiles: Int64 = 0
        var current: Int64 = 0
        var announced: Int64 = 0
        var lastByte: Int64
    }

    let totalBytes: Int64
    private let state: Mutex<State>
    private let environment: any Environment
    /// Followers are told about every so many bytes, not about every piece.
    private static let announceBytes: Int64 = 8 << 20

    init(totalBytes: Int64, ports: Ports) {
        self.totalBytes = totalBytes
        environment = ports.environment
        state = Mutex(State(lastByte: environment.monotonicMilliseconds()))
    }

    var doneBytes: Int64 { state.withLock { $0.finishedFiles + $0.current } }
    var lastByteMilliseconds: Int64 { state.withLock { $0.lastByte } }

    func begin(at offset: Int64) {
        let now = environment.monotonicMilliseconds()
        state.withLock {
            $0.current = offset
            $0.lastByte = now
        }
    }

    /// Whether it is time to tell the followers.
    func add(_ bytes: Int64) -> Bool {
        let now = environment.monotonicMilliseconds()
        return state.withLock {
            $0.current += bytes
            $0.lastByte = now
            let done = $0.finishedFiles + $0.current
            guard done - $0.announced >= Self.announceBytes || done == totalBytes else {
                return false
            }
            $0.announced = done
            return true
        }
    }

    func fileDone(_ bytes: Int64) {
        state.withLock {
            $0.finishedFiles += bytes
            $0.current = 0
        }
    }
}
