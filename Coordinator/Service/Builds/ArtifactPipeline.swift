import BuildProtocol
import CoordinatorCore
import Support

/// Pulls the artifacts of one attempt into the web root's incoming place: taken up again where it
/// broke, chunk by chunk, and verified before anything sees it. One session at a time: two were
/// slower, since what comes out of order must be read back for the digest.
struct ArtifactPipeline {
    let ports: Ports
    let host: Host
    let token: AttemptToken
    /// Told of the progress, for the person who waits.
    let report: @Sendable (LiveDetail) async -> Void

    /// - Throws: `Fault` when it cannot be done at all; `CancellationError`.
    func collect(_ artifacts: [Artifact]) async throws {
        let progress = TransferProgress(
            totalBytes: artifacts.reduce(0) { $0 + $1.sizeBytes }, ports: ports)
        for artifact in artifacts {
            var mismatches = 0
            var patience = TransferPatience(ports, doneBytes: progress.doneBytes)
            try await ports.retrying {
                while true {
                    let file = try await ports.webRoot.incoming(artifact, of: token)
                    try await pull(artifact, into: file, progress)
                    // A pull that was called off looks like a whole one; what is missing would be
                    // taken for damage.
                    try Task.checkCancellation()
                    if try await file.verify() { return }
                    mismatches += 1
                    guard mismatches < ports.limits.digestMismatches else {
                        throw Fault(
                            .infrastructure, .pullDigest,
                            "\(artifact.name) from \(host.name) arrived \(mismatches) times with "
                                + "another SHA-256 than the agent measured: check that host's disk")
                    }
                }
            } unless: { error in
                if let fault = error as? Fault { throw fault }
                // The host is away, the transfer stalled, the web root is full: all of it may pass.
                // The host's absence has its own limit, which ends this task.
                try Task.checkCancellation()
                if patience.ends(with: error, doneBytes: progress.doneBytes) {
                    throw Fault(
                        .infrastructure, .pullFailed,
                        "\(artifact.name) cannot be read from \(host.name): \(error)")
                }
                await report(LiveDetail(phase: "waiting to pull: \(error)"))
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
                            await report(progress.detail)
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
            do { try await ports.clock.sleep(untilMonotonicMilliseconds: deadline) } catch {
                return
            }
            if progress.lastByteMilliseconds == quietSince {
                throw HostFault(
                    .unreachable,
                    "no byte of \(artifact.name) came from \(host.name) for \(limit / 1000) s")
            }
        }
    }
}
