import BuildProtocol
import CoordinatorCore

/// One look at something outside of the farm.
struct WatchLook {
    enum Seen {
        /// For people; nothing is known of what was to be looked at.
        case problem(String)
        /// As it was, or seen for the first time.
        case same(mark: String)
        case changed(TriggerRequest, mark: String)
    }

    private let watch: Watch
    private let state: TriggerState

    init(_ watch: Watch, _ state: TriggerState) {
        self.watch = watch
        self.state = state
    }

    func seen(_ ports: Ports) async -> Seen {
        let mark: String
        do { mark = try await ports.templates.mark(of: watch) } catch {
            return .problem("\(error)".prefixOfUTF8(ports.limits.reasonBytes))
        }
        guard let old = state[watch.kind].mark, old != mark else { return .same(mark: mark) }
        return .changed(TriggerRequest(watch, from: old, to: mark, state), mark: mark)
    }
}
