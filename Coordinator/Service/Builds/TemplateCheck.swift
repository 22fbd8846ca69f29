import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// Lets a host's Packer look at the template of a build that somebody submits: a mistake is then
/// the answer to the request, and takes no slot. What no host can tell now, the build finds out.
actor TemplateCheck {
    private let ports: Ports
    private let fleet: HostFleet
    /// Digests of what Packer took, the oldest first.
    private var taken: [String] = []
    /// Hosts take turns.
    private var turn = 0
    private var underWay = 0
    private let log = Logger("templates")

    init(ports: Ports, fleet: HostFleet) {
        self.ports = ports
        self.fleet = fleet
    }

    private enum Verdict: Sendable {
        case taken
        case refused(Fault, host: String)
    }

    /// - Throws: `TemplateFault` with what Packer says.
    func check(_ new: NewBuild) async throws {
        guard case .packer = new.plan.recipe.builder else { return }
        // Only builds get them, and Packer would sign in to a cloud without.
        guard new.plan.farmSecrets == nil else { return }
        let start = Start(
            Build(new, number: 1), as: ports.ids.randomToken(), url: ports.webRoot.url)
        let recipe = try CanonicalJSON.encode(start.recipe)
        let place = start.template.sha256 + "/" + (start.template.folder ?? "")
        let digest = SHA256.hex(Array(place.utf8) + recipe)
        // Each may deliver the template and has a connection of its own.
        guard !taken.contains(digest), underWay < ports.limits.checksAtOnce else { return }
        underWay += 1
        defer { underWay -= 1 }
        switch await verdict(start, by: await hosts(for: new)) {
        case .taken:
            taken.append(digest)
            taken.removeFirst(max(0, taken.count - ports.limits.checkedTemplates))
        case .refused(let fault, let host):
            log.info("host \(host) refused the template of \(new.guestOS) [\(fault.code.rawValue)]")
            throw TemplateFault(
                "\(fault.reason)\nHost \(host) looked at it. No build was queued.")
        case nil: break
        }
    }

    private func hosts(for new: NewBuild) async -> [HostMonitor] {
        let needs = BuildNeeds(new.plan, guestOS: new.guestOS)
        let names = await fleet.views().filter { needs.areMet(by: $0, new.plan.requirements) }
            .map(\.name).sorted()
        guard !names.isEmpty else { return [] }
        turn = (turn + 1) % names.count
        var found: [HostMonitor] = []
        for name in (names[turn...] + names[..<turn]).prefix(ports.limits.checkHosts) {
            if let monitor = await fleet.monitor(name) { found.append(monitor) }
        }
        return found
    }

    /// - Returns: `nil` if no host can tell in time.
    private func verdict(_ start: Start, by hosts: [HostMonitor]) async -> Verdict? {
        guard !hosts.isEmpty else { return nil }
        return await withTaskGroup(of: Verdict?.self) { group in
            group.addTask { await self.ask(hosts, start) }
            group.addTask { [ports] in
                try? await ports.clock.sleep(milliseconds: ports.limits.checkMilliseconds)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    private func ask(_ hosts: [HostMonitor], _ start: Start) async -> Verdict? {
        for monitor in hosts {
            do {
                return if let fault = try await look(at: start, on: monitor) {
                    .refused(fault, host: monitor.host.name)
                } else {
                    .taken
                }
            } catch {
                if Task.isCancelled { return nil }
                log.info("host \(monitor.host.name) did not look at a template: \(error)")
            }
        }
        return nil
    }

    private func look(at start: Start, on monitor: HostMonitor) async throws -> Fault? {
        let digest = start.template.sha256
        if !monitor.link.hasTemplate(digest) {
            try await ports.gateway.deliver(start.template, to: monitor.host)
            monitor.link.delivered(template: digest)
        }
        return try await ports.gateway.check(start, on: monitor.host)
    }
}
