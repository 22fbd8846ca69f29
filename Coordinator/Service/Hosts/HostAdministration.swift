import BuildProtocol
public import CoordinatorCore

/// Adds, drains and removes hosts.
public struct HostAdministration: Sendable {
    let ports: Ports
    let store: any HostWriter
    let fleet: HostFleet
    let tracker: BuildTracker

    /// - Throws: `Refusal`, `StoreError`
    public func add(
        name: String, address: String, hostKey: String, by actor: String
    ) async throws -> HostSnapshot {
        try Refusal.check(name, "name of the host")
        let host = try checked(
            Host(
                name: name, address: address, hostKey: hostKey,
                createdMilliseconds: ports.clock.unixMilliseconds()))
        try await store.add(host)
        try await ports.audit(actor, "host.add", name, address)
        await fleet.add(host)
        return try await snapshot(name)
    }

    /// Changes the address, the host key or both, while builds may run there: the host moved, or
    /// its key was rotated.
    /// - Throws: `Refusal`, `StoreError`
    public func change(
        _ name: String, address: String?, hostKey: String?, by actor: String
    ) async throws -> HostSnapshot {
        var host = try await snapshot(name).host
        host.address = address ?? host.address
        host.hostKey = hostKey ?? host.hostKey
        host = try checked(host)
        try await store.update(host)
        try await ports.audit(
            actor, "host.change", name, host.address + (hostKey == nil ? "" : ", another host key"))
        await fleet.change(host)
        return try await snapshot(name)
    }

    private func checked(_ host: Host) throws -> Host {
        let address = host.address
        guard address.utf8.count <= ports.limits.pathBytes, address.contains("@"),
            !address.unicodeScalars.contains(where: Refusal.isControl)
        else { throw Refusal("the address \(Names.quoted(address)) is not user@host:port") }
        do { return try ports.gateway.checked(host) } catch { throw Refusal(cause: error) }
    }

    public func setDrained(
        _ drained: Bool, host name: String, by actor: String
    ) async throws -> HostSnapshot {
        try await store.setDrained(drained, host: name)
        try await ports.audit(actor, drained ? "host.drain" : "host.resume", name)
        await fleet.setDrained(drained, host: name)
        return try await snapshot(name)
    }

    /// - Throws: `Refusal` while builds run there, `StoreError`
    public func remove(_ name: String, by actor: String) async throws {
        let running = try await snapshot(name).running
        guard running == 0 else {
            throw Refusal(
                .conflict, "host \(name) runs \(running) builds: drain it and wait, or cancel them")
        }
        try await store.removeHost(name)
        try await ports.audit(actor, "host.remove", name)
        await fleet.remove(name)
        // Attempts that were dispatched to it meanwhile.
        await tracker.abandonAttempts(on: name)
    }

    /// Sorted by name.
    public func snapshots() async -> [HostSnapshot] {
        await fleet.snapshots(running: await tracker.runningByHost())
    }

    /// - Throws: `StoreError.notFound`
    public func snapshot(_ name: String) async throws -> HostSnapshot {
        try await fleet.snapshot(name, running: await tracker.runningByHost())
    }

    /// The host key at the address, for an operator to confirm.
    /// - Throws: `HostFault`
    public func scanHostKey(_ address: String) async throws -> HostKey {
        try await ports.gateway.scanHostKey(address)
    }
}
