import BuildProtocol
import CoordinatorCore

/// One look at something outside of the farm.
struct WatchLook {
    enum Seen {
        /// For people; nothing is known of what was to be looked at.
        case problem(String)
        /// As it was, or seen for the first time.
        case same(WatchSight)
        case changed(TriggerRequest, WatchSight)
    }

    private let watch: Watch
    private let state: TriggerState

    init(_ watch: Watch, _ state: TriggerState) {
        self.watch = watch
        self.state = state
    }

    func seen(_ ports: Ports) async -> Seen {
        let old = state[watch.kind].mark
        let sight: WatchSight
        do {
            var found = try await ports.templates.sight(of: watch, since: old)
            found.problem = found.problem?.prefixOfUTF8(ports.limits.reasonBytes)
            sight = found
        } catch {
            return .problem("\(error)".prefixOfUTF8(ports.limits.reasonBytes))
        }
        guard let old, sight.isChanged else { return .same(sight) }
        return .changed(TriggerRequest(watch, from: old, to: sight.mark, state), sight)
    }
}
