import AgentCore
import BuildProtocol
import LoopKit
import ProcessKit
import Support

extension AgentDaemon {
    /// Looks after what crashes leave behind, again and again.
    func runJanitor() async {
        let janitor = Janitor(state: configuration.state, cacheBytes: configuration.cacheBytes)
        do {
            // Nothing else deletes yet.
            try await OwnThread.run { janitor.emptyTrash() }
            while !Task.isCancelled {
                await runJanitorOnce(janitor)
                let now = Clocks.monotonicMilliseconds()
                try await loop.sleep(
                    untilMilliseconds: now + Int64(AgentLimits.janitorSeconds) * 1000)
            }
        } catch {
            logger.error("the janitor has stopped: \(error)")
        }
    }

    private func runJanitorOnce(_ janitor: Janitor) async {
        for entry in attempts.values where entry.awaitsConclusion { await conclude(entry) }
        for entry in attempts.values where entry.isForgotten { try? await end(forgotten: entry) }
        do {
            let suspects = try await OwnThread.run { janitor.suspects() }
            let dead = suspects.filter { attempts[$0] == nil }
            try await OwnThread.run { janitor.clean(dead: dead) }
        } catch {
            logger.error("cannot clean: \(error)")
        }
        await reportHost()
    }
}
