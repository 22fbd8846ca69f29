import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// The plugins that the coordinator hands out now, for all of its hosts.
final class PluginList: Sendable {
    private let ports: Ports
    /// By platform; `nil` until they could be listed: hosts then keep what they have.
    private let current = Mutex<[String: Offer]?>(nil)
    private let lines = Mutex(RepeatedLine())
    private let deliveries = Mutex(0)

    private struct Offer: Equatable {
        var plugins: [PackerPlugin] = []
        /// By source. Computed once, because each view of each host has them.
        var versions: [String: [String]] = [:]
    }

    init(_ ports: Ports) { self.ports = ports }

    var isUsed: Bool { ports.plugins != nil }

    /// - Returns: whether the list has changed.
    func look() async -> Bool {
        guard let library = ports.plugins else { return false }
        do {
            let plugins = try await library.plugins()
            let platforms = Dictionary(grouping: plugins) { $0.place?.file.platform ?? "" }
            let new = platforms.reduce(into: [:]) { offers, entry in
                offers[entry.key] = Offer(
                    plugins: entry.value, versions: entry.value.versions(for: entry.key))
            }
            let (isNew, gone) = current.withLock { old in
                defer { old = new }
                let before = (old ?? [:]).values.flatMap(\.plugins).map(\.file)
                let now = Set(plugins.map(\.file))
                return (old != new, before.filter { !now.contains($0) }.sorted())
            }
            if !gone.isEmpty {
                Logger("plugins").warning(
                    "no longer in the folder, and removed from the hosts: "
                        + gone.joined(separator: ", "))
            }
            return isNew
        } catch {
            let now = ports.clock.monotonicMilliseconds()
            let text = "cannot list the plugins that hosts get; they keep what they have: \(error)"
            if let line = lines.withLock({ $0.text(text, atMilliseconds: now) }) {
                Logger("plugins").error(line)
            }
            return false
        }
    }

    /// Those for a host; `nil` if it is sent none.
    func plugins(for report: HostReport?) -> [PackerPlugin]? {
        guard let platform = report?.pluginPlatform else { return nil }
        return current.withLock { $0.map { $0[platform]?.plugins ?? [] } }
    }

    /// Runs `body` once fewer hosts than the limit are sent plugins.
    func inTurn(_ body: () async throws -> Void) async throws {
        while !take() {
            try await ports.clock.sleep(milliseconds: ports.limits.pluginTurnMilliseconds)
        }
        defer { deliveries.withLock { $0 -= 1 } }
        try await body()
    }

    private func take() -> Bool {
        deliveries.withLock { count in
            guard count < ports.limits.pluginDeliveriesAtOnce else { return false }
            count += 1
            return true
        }
    }

    /// Versions by source.
    func versions(for report: HostReport?) -> [String: [String]] {
        guard isUsed, let platform = report?.pluginPlatform else { return [:] }
        return current.withLock { $0?[platform]?.versions ?? [:] }
    }
}
