import AgentCore
import BuildProtocol
import LoopKit
import ProcessKit
import Support

extension AgentDaemon {
    /// Looks after what crashes leave behind, again and again.
    func keepHouse() async {
        while true {
            for entry in attempts.values where entry.awaitsConclusion {
                await conclude(entry)
            }
            await reportHost()
            let next = Clocks.monotonicMilliseconds() + Int64(AgentLimits.janitorSeconds) * 1000
            do { try await loop.sleep(untilMilliseconds: next) } catch { return }
        }
    }
}
