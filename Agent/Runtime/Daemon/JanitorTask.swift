import AgentCore
import BuildProtocol
import LoopKit
import ProcessKit
import Support

/// The janitor's rounds: cleans up after crashes, again and again.
struct JanitorTask: Sendable {
    let janitor: Janitor
    let attempts: AttemptRegistry
    let loop: EventLoop
    private let logger = Logger("janitor")

    init(_ configuration: AgentConfiguration, _ attempts: AttemptRegistry, _ loop: EventLoop) {
        janitor = Janitor(state: configuration.state, cacheBytes: configuration.cacheBytes)
        self.attempts = attempts
        self.loop = loop
    }

    /// Runs until the task is cancelled.
    /// - Parameter afterRound: called after each round.
    func run(afterRound: @Sendable () async -> Void) async {
        do {
            // Nothing else deletes yet.
            try await OwnThread.run { [janitor] in janitor.emptyTrash() }
            while !Task.isCancelled {
                await round()
                await afterRound()
                let now = Clocks.monotonicMilliseconds()
                try await loop.sleep(
                    untilMilliseconds: now + Int64(AgentLimits.janitorSeconds) * 1000)
            }
        } catch {
            logger.error("the janitor has stopped: \(error)")
        }
    }

    private func round() async {
        await attempts.retryPending()
        do {
            let suspects = try await OwnThread.run { [janitor] in janitor.suspects() }
            let dead = await attempts.dead(among: suspects)
            try await OwnThread.run { [janitor] in janitor.clean(dead: dead) }
        } catch {
            logger.error("cannot clean up: \(error)")
        }
    }
}
