import MetricsKit
import BuildProtocol
import CoordinatorCore

/// Pulls the artifacts of one attempt into the web root's incoming folder. An interrupted transfer
/// resumes by chunks, and everything is verified before it becomes visible. One session at a time:
/// two were slower, because data that arrives out of order must be read again for the digest.
struct ArtifactPipeline {
    let ports: Ports
    let link: HostLink
    let token: AttemptToken
    /// Reports the progress to followers.
    let report: @Sendable (LiveDetail) async -> Void

    /// As it is at this moment: it may move while a transfer is retried.
    private var host: Host { link.host }

    /// - Throws: `Fault` if the artifacts cannot be pulled at all; `CancellationError`.
    func collect(_ artifacts: [Artifact]) async throws {
        let began = ports.clock.monotonicMilliseconds()
        do { try await collectAll(artifacts) } catch {
            ports.metrics.add(FarmMetric.pulls, [error is Fault ? "failed" : "interrupted"])
            throw error
        }
        ports.metrics.add(FarmMetric.pulls, ["done"])
        ports.metrics.observe(
            FarmMetric.pullDuration,
            BuildMeter.seconds(from: began, to: ports.clock.monotonicMilliseconds()))
    }

    private func collectAll(_ artifacts: [Artifact]) async throws {
        let progress = TransferProgress(
            totalBytes: artifacts.map(\.sizeBytes).clampedSum(), ports: ports)
        for artifact in artifacts {
            var mismatches = 0
            var patience = TransferPatience(ports, doneBytes: progress.doneBytes)
            try await ports.retrying {
                while true {
                    let file = try await ports.webRoot.incoming(artifact, of: token)
                    try await pull(artifact, into: file, progress)
                    // A cancelled pull looks like a complete one, and its missing bytes would count
                    // as damage.
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
                if (error as? StoreError)?.code == .deposed { throw error }
                if let fault = error as? WebRootFault, fault.isPermanent {
                    throw Fault(.infrastructure, .publishFailed, "\(fault)")
                }
                // The host is unreachable, the transfer stalled or the web root is full; all of
                // these may be temporary. An unreachable host has a limit of its own, which ends
                // this task.
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
        let missingBytes = missing.map { $0.upperBound - $0.lowerBound }.clampedSum()
        progress.begin(at: artifact.sizeBytes - missingBytes)
        defer { progress.pause() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for range in missing {
                    try await ports.gateway.read(
                        artifact, of: token, from: host, offset: range.lowerBound,
                        length: range.upperBound - range.lowerBound
                    ) { offset, bytes in
                        try await file.write(bytes, at: offset)
                        ports.metrics.add(FarmMetric.pullBytes, by: Double(bytes.count))
                        if progress.add(Int64(bytes.count)) {
                            await report(progress.detail)
                        }
                    }
                }
            }
            group.addTask { try await watch(progress, artifact) }
            // The watch never returns by itself; it is cancelled once the reader is done.
            try await group.next()
            group.cancelAll()
        }
    }

    /// Ends the transfer if no byte arrived for too long, whatever SSH's keepalives say.
    private func watch(_ progress: TransferProgress, _ artifact: Artifact) async throws {
        let limit = ports.limits.transferStallMilliseconds
        while true {
            let quietSince = progress.lastByteMilliseconds
            let deadline = quietSince + limit
            do { try await ports.clock.sleep(untilMonotonicMilliseconds: deadline) } catch {
                return
            }
            if progress.isOverdue(
                quietMilliseconds: ports.limits.pullQuietMilliseconds,
                bytesPerSecond: ports.limits.pullBytesPerSecond)
            {
                throw Fault(
                    .infrastructure, .pullStalled,
                    "\(host.name) delivered \(artifact.name) more slowly than "
                        + "\(ports.limits.pullBytesPerSecond >> 10) KiB/s for too long")
            }
            if progress.lastByteMilliseconds == quietSince {
                throw HostFault(
                    .unreachable,
                    "no byte of \(artifact.name) came from \(host.name) for \(limit / 1000) s")
            }
        }
    }
}
