import BuildProtocol
public import CoordinatorCore
import Support

/// What people ask for, each checked at the door and written to the audit log.
extension Coordinator {
    // MARK: Hosts

    /// - Throws: `Refusal`, `StoreError`
    public func addHost(
        name: String, address: String, hostKey: String, by actor: String
    ) async throws -> HostSnapshot {
        try check(name, "name of the host")
        guard address.utf8.count <= ports.limits.pathBytes, address.contains("@"),
            !address.unicodeScalars.contains(where: isControl)
        else { throw Refusal("the address \(Names.quoted(address)) is not user@host:port") }
        let host = Host(
            name: name, address: address, hostKey: hostKey,
            createdMilliseconds: ports.environment.unixMilliseconds())
        do { try ports.gateway.check(host) } catch { throw Refusal("\(error)") }
        try await ports.store.add(host, epoch: epoch ?? 0)
        try await ports.audit(actor, "host.add", name, address)
        await admit(host)
        await hosts[name]?.monitor.start()
        return try snapshot(ofHost: name)
    }

    public func setDrained(
        _ drained: Bool, host name: String, by actor: String
    ) async throws -> HostSnapshot {
        try await ports.store.setDrained(drained, host: name, epoch: epoch ?? 0)
        try await ports.audit(actor, drained ? "host.drain" : "host.resume", name)
        hosts[name]?.host.drained = drained
        if !drained {
            // An admin who resumes a host vouches for it.
            hosts[name]?.failures = 0
            hosts[name]?.quarantinedUntilMilliseconds = 0
        }
        tick()
        return try snapshot(ofHost: name)
    }

    public func removeHost(_ name: String, by actor: String) async throws {
        guard let state = hosts[name] else { throw StoreError.notFound(what: "host", name: name) }
        let running = live.running.count { $0.build.host == name && $0.session != nil }
        guard running == 0 else {
            throw Refusal(
                "host \(name) runs \(running) builds: drain it and wait, or cancel them",
                conflict: true)
        }
        try await ports.store.removeHost(name, epoch: epoch ?? 0)
        try await ports.audit(actor, "host.remove", name)
        hosts[name] = nil
        await state.monitor.stop()
        // What a tick put on it meanwhile: nobody would hear of it again.
        let fault = Fault(.infrastructure, .hostLost, "host \(name) was removed")
        for entry in live.running where entry.build.host == name {
            await entry.session?.post(.failed(fault))
        }
        tick()
    }

    public func snapshots() -> [HostSnapshot] {
        hosts.keys.sorted().compactMap { try? snapshot(ofHost: $0) }
    }

    public func snapshot(ofHost name: String) throws -> HostSnapshot {
        guard let state = hosts[name] else { throw StoreError.notFound(what: "host", name: name) }
        let (word, detail): (String, String) =
            switch state.view(
                at: ports.environment.unixMilliseconds(),
                monotonic: ports.environment.monotonicMilliseconds()
            ).availability {
            case .ready: ("ready", "")
            case .drained where state.away == nil: ("ready", "drained: takes no new builds")
            case .drained: ("unreachable", state.away ?? "")
            case .quarantined(_, let why): ("quarantined", why)
            case .away(let why): (state.report == nil ? "connecting" : "unreachable", why)
            }
        let skew = state.report.map { $0.unixMilliseconds - state.reportedMilliseconds } ?? 0
        return HostSnapshot(
            host: state.host, state: word, detail: detail, report: state.report,
            running: live.running.count { $0.build.host == name && $0.session != nil },
            clockSkewMilliseconds: abs(skew) > ports.limits.clockSkewMilliseconds ? skew : 0)
    }

    public func scanHostKey(_ address: String) async throws -> HostKey {
        try await ports.gateway.scanHostKey(address)
    }

    // MARK: Parts

    func check(_ name: String, _ what: String) throws {
        if let problem = Names.problem(name, what: what) { throw Refusal(problem) }
    }

    func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || scalar.value == 0x7F
    }
}

/// A request that is refused at the door; the sentence says why and what would be taken.
public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    /// The request was sound, the state of things is against it.
    public var isConflict: Bool

    init(_ description: String, conflict: Bool = false) {
        self.description = description
        isConflict = conflict
    }
}
