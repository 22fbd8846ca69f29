import BuildProtocol
import CoordinatorCore
import Support

/// Sends one host the plugins that the coordinator hands out and it lacks. Whatever is cut off is
/// begun anew with the next offer.
actor PluginDelivery {
    private let link: HostLink
    private let list: PluginList
    private let ports: Ports
    private var work: Task<Void, Never>?
    /// Only the answer to an offer of its time starts a delivery: a host that lacks a plugin again
    /// and again is sent it once in that time.
    private var isDue = false
    private var problems = RepeatedLine()
    private let log: Logger

    init(_ link: HostLink, _ list: PluginList, _ ports: Ports) {
        self.link = link
        self.list = list
        self.ports = ports
        log = Logger("host", LogIDs(host: link.host.name))
    }

    /// Tells the host what there is. Older agents, and hosts whose administrator installs the
    /// plugins, are not told anything.
    func offer() async {
        guard work == nil, let plugins = list.plugins(for: link.report) else { return }
        isDue = true
        await link.send(.plugins(HandedOutPlugins(plugins: plugins)))
    }

    func answered(_ missing: [String]) {
        guard work == nil, isDue else { return }
        isDue = false
        let plugins = list.plugins(for: link.report) ?? []
        let wanted = plugins.filter { missing.contains($0.sha256) }
        guard !wanted.isEmpty else { return }
        work = Task {
            await deliver(wanted, of: plugins)
            work = nil
        }
    }

    func stop() async {
        work?.cancel()
        await work?.value
    }

    private func deliver(_ wanted: [PackerPlugin], of plugins: [PackerPlugin]) async {
        for plugin in wanted {
            let file = TemplateArchive(sha256: plugin.sha256, sizeBytes: plugin.sizeBytes)
            do {
                try await list.inTurn { try await deliver(file) }
            } catch {
                guard !Task.isCancelled else { return }
                let now = ports.clock.monotonicMilliseconds()
                let text = "the plugin \(plugin.file) was not delivered: \(error)"
                if let line = problems.text(text, atMilliseconds: now) { log.warning(line) }
                // Another one may be fine, such as one whose checksum is right.
                guard link.report != nil else { return }
                continue
            }
            log.info("delivered the plugin \(plugin.file)")
            // It is installed at once.
            await link.send(.plugins(HandedOutPlugins(plugins: plugins)))
        }
    }

    /// With a limit, so that a host that takes no bytes does not keep others waiting.
    private func deliver(_ file: TemplateArchive) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [ports, link] in
                try await ports.gateway.deliver(file, to: link.host)
            }
            group.addTask { [ports] in
                try await ports.clock.sleep(milliseconds: ports.limits.dispatchMilliseconds)
                throw Failure("it took longer than \(ports.limits.dispatchMilliseconds / 1000) s")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
