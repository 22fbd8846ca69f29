import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// Sends to one host's agent while it is connected. A message that cannot be sent is not queued:
/// the reconciliation after the next connect makes up for it.
final class HostLink: Sendable {
    private struct State {
        var host: Host
        var channel: (any HostChannel)?
        var templates: Set<String> = []
    }

    private let state: Mutex<State>
    private let log: Logger

    init(_ host: Host) {
        state = Mutex(State(host: host))
        log = Logger("host", LogIDs(host: host.name))
    }

    /// With its current address and key, which an operator may change while builds run there.
    var host: Host { state.withLock(\.host) }

    func change(_ host: Host) { state.withLock { $0.host = host } }

    func open(_ channel: any HostChannel) {
        state.withLock { state in
            state.channel = channel
            state.templates = Set(channel.hello.templates)
        }
    }

    /// - Returns: the channel that was open.
    func close() async {
        let channel = state.withLock { $0.channel.take() }
        await channel?.close()
    }

    func send(_ message: CoordinatorMessage) async {
        guard let channel = state.withLock(\.channel) else { return }
        do { try await channel.send(message) } catch {
            log.warning("cannot send to the agent: \(error)")
            await channel.close()
        }
    }

    /// What the host reported when it was connected; `nil` while it is not.
    var report: HostReport? { state.withLock { $0.channel?.hello.host } }

    // MARK: Templates on the host's disk

    func hasTemplate(_ sha256: String) -> Bool {
        state.withLock { $0.templates.contains(sha256) }
    }

    func delivered(template sha256: String) {
        state.withLock { _ = $0.templates.insert(sha256) }
    }
}
