import BuildProtocol
import CoordinatorCore
import Support

extension Coordinator {
    /// Ends in order: nothing new is begun, transfers are broken off, what is short and must not
    /// be cut is finished, every session with a host is closed. Builds run on; the next
    /// coordinator takes them up where they are.
    public func stop() async {
        isStopping = true
        alarm?.task.cancel()
        await ticking?.value
        housekeeping?.cancel()
        await housekeeping?.value
        // All at once: one host that is slow to close must not use up the time of the others.
        await withTaskGroup(of: Void.self) { group in
            for state in hosts.values { group.addTask { await state.monitor.stop() } }
        }
        await withTaskGroup(of: Void.self) { group in
            for case let session? in live.all.map(\.session) {
                group.addTask { await session.stop() }
            }
        }
        await releases.stop()
        // Those who follow a build are woken, and find the end of their stream.
        await changes.close()
        // Monitors and sessions hold the coordinator, and it them.
        hosts = [:]
        live = LiveBuilds()
        epoch = nil
    }

    /// Answers when this actor does; whether the tick gets on as well.
    public func pulse() -> Bool {
        guard ticking != nil else { return true }
        let quiet = ports.environment.monotonicMilliseconds() - tickStepMilliseconds
        return quiet < ports.limits.tickStuckMilliseconds
    }
}
