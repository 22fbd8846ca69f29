import MetricsKit
import BuildProtocol
import CoordinatorCore
import Support

/// Takes the log of the attempt.
extension BuildSession {
    nonisolated var ids: LogIDs { LogIDs(build: build.id, attempt: token.text, host: host.name) }

    /// Appends a chunk of the log, or requests a rewind if it does not start at the end of the
    /// file.
    /// - Returns: whether the log grew.
    func received(_ chunk: LogChunk) async -> Bool {
        guard machine.stage != .ended else { return false }
        do {
            switch try await intake.store(chunk) {
            case .refused(let fault): post(.failed(fault))
            case .gap(let size):
                log.warning(
                    "log gap at \(size), the agent sent \(chunk.cursor): requesting a rewind")
                await link.send(.follow(Follow(attempt: token, cursor: size)))
            case .stored(let size):
                await changes.bump(build.id)
                guard size > logBytes else { return false }
                // A session that was resumed does not know yet what is stored.
                let new = min(size &- logBytes, Int64(chunk.data.utf8.count))
                ports.metrics.add(FarmMetric.logBytes, by: Double(new))
                logBytes = size
                deadline.progressed(at: ports.clock.monotonicMilliseconds())
                watchDeadline()
                return true
            }
        } catch {
            // The disk of the log store is full or broken. The agent keeps the log; request it
            // again.
            log.error("cannot store the log: \(error)")
            await report("waiting: cannot store the log: \(error)")
            askAgain()
        }
        return false
    }

    /// One request for all pieces that are refused until then: the answers to more would be refused
    /// as well, and each of them would lead to another request. Concurrently with the host's
    /// message loop, so that its other builds need not wait.
    private func askAgain() {
        guard !isAskingAgain else { return }
        isAskingAgain = true
        Task {
            try? await ports.clock.sleep(milliseconds: ports.limits.retryFirstMilliseconds)
            isAskingAgain = false
            await self.follow()
        }
    }
}
