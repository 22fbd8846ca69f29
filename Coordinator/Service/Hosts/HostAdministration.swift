import BuildProtocol
public import CoordinatorCore
import TextKit

/// Adds, drains and removes hosts.
public struct HostAdministration: Sendable {
    let ports: Ports
    let store: any HostWriter
    let fleet: HostFleet
    let tracker: BuildTracker
    let watch: DrainWatch

    /// - Throws: `Refusal`, `StoreError`
    public func add(
        name: String, address: String, hostKey: String, variables: [String: String] = [:],
        by actor: String
    ) async throws -> HostSnapshot {
        try Refusal.check(name, "name of the host")
        let host = try checked(
            Host(
                name: name, address: address, hostKey: hostKey, variables: variables,
                createdMilliseconds: ports.clock.unixMilliseconds()))
        try await checkAddress(of: host)
        try await store.recording(
            ports.auditEntry(actor, "host.add", name, host.auditFields.words)
        ).add(host)
        await fleet.add(host)
        return try await snapshot(name)
    }

    /// Replaces the variables of its builds. The session with the host is left alone, and attempts
    /// that have begun keep what they got.
    /// - Throws: `Refusal`, `StoreError`
    public func setVariables(
        _ variables: [String: String], ofHost name: String, by actor: String
    ) async throws -> HostSnapshot {
        let known = try await snapshot(name).host
        var host = known
        host.variables = variables
        if let problem = Host.problem(ofVariables: variables) { throw Refusal(problem) }
        try await store.recording(
            ports.auditEntry(
                actor, "host.change", name, host.auditFields.words(since: known.auditFields))
        ).update(host)
        await fleet.setVariables(variables, host: name)
        return try await snapshot(name)
    }

    /// Changes the address, the host key or both, while builds may run there: the host moved, or
    /// its key was rotated.
    /// - Throws: `Refusal`, `StoreError`
    public func change(
        _ name: String, address: String?, hostKey: String?, by actor: String
    ) async throws -> HostSnapshot {
        let known = try await snapshot(name).host
        var host = known
        host.address = address ?? host.address
        host.hostKey = hostKey ?? host.hostKey
        host = try checked(host)
        guard host != known else { return try await snapshot(name) }
        try await checkAddress(of: host)
        try await store.recording(
            ports.auditEntry(
                actor, "host.change", name, host.auditFields.words(since: known.auditFields))
        ).update(host)
        await fleet.change(host)
        return try await snapshot(name)
    }

    private func checkAddress(of host: Host) async throws {
        let other = await snapshots().first {
            $0.host.address == host.address && $0.host.name != host.name
        }
        guard let other else { return }
        throw Refusal(
            .conflict,
            "the host \(other.host.name) is at \(Names.quoted(host.address)) already: a machine "
                + "has one name. See aibuild host show \(other.host.name)")
    }

    private func checked(_ host: Host) throws -> Host {
        let address = host.address
        guard address.utf8.count <= ports.limits.pathBytes, address.contains("@"),
            !address.unicodeScalars.contains(where: Refusal.isControl)
        else { throw Refusal("the address \(Names.quoted(address)) is not user@host:port") }
        if let problem = Host.problem(ofVariables: host.variables) { throw Refusal(problem) }
        do { return try ports.gateway.checked(host) } catch { throw Refusal(cause: error) }
    }

    /// The host finishes what was begun there, and takes nothing new.
    /// - Parameters:
    ///   - note: why, for people; may be empty.
    ///   - deadlineSeconds: from now; what still runs then is begun anew on other hosts.
    /// - Throws: `Refusal`, `StoreError`
    public func drain(
        _ name: String, note: String = "", deadlineSeconds: Int? = nil, by actor: String
    ) async throws -> HostSnapshot {
        try Refusal.check(text: note, "note", limitBytes: ports.limits.reasonBytes)
        let allowed = ports.limits.drainSeconds
        if let deadlineSeconds, !allowed.contains(deadlineSeconds) {
            throw Refusal(
                "the deadline is in \(deadlineSeconds) seconds: use "
                    + "\(DurationText.text(allowed.lowerBound)) to "
                    + DurationText.text(allowed.upperBound))
        }
        let now = ports.clock.unixMilliseconds()
        let drain = HostDrain(
            note: note, deadlineMilliseconds: deadlineSeconds.map { now + Int64($0) * 1000 })
        return try await set(drain, name, "host.drain", actor)
    }

    public func resume(_ name: String, by actor: String) async throws -> HostSnapshot {
        try await set(nil, name, "host.resume", actor)
    }

    private func set(
        _ drain: HostDrain?, _ name: String, _ action: String, _ actor: String
    ) async throws -> HostSnapshot {
        let before = try await snapshot(name)
        let known = before.host
        var host = known
        host.drain = drain
        // To resume one that is quarantined changes something as well.
        if host != known || before.state == "quarantined" {
            try await store.recording(
                ports.auditEntry(
                    actor, action, name, host.auditFields.words(since: known.auditFields))
            ).setDrain(drain, host: name)
        }
        await fleet.setDrain(drain, host: name)
        await watch.look()
        return try await snapshot(name)
    }

    /// What draining it would finish there, and what would wait for its return.
    /// - Throws: `StoreError.notFound`
    public func drainPlan(_ name: String) async throws -> DrainReport {
        _ = try await snapshot(name)
        let plan = DrainPlan(
            await tracker.present(), host: name, running: await tracker.requeued(from: name))
        return DrainReport(
            finishes: await builds(plan.finishes), strands: await builds(plan.strands),
            empty: await tracker.expectedEmpty(name))
    }

    private func builds(_ items: [DrainPlan.Item]) async -> [(Build, DrainPlan.Item)] {
        var found: [(Build, DrainPlan.Item)] = []
        for item in items {
            if let (build, _) = await tracker.find(item.build) { found.append((build, item)) }
        }
        return found
    }

    /// - Throws: `Refusal` while builds run there, `StoreError`
    public func remove(_ name: String, by actor: String) async throws {
        let known = try await snapshot(name)
        let running = known.running
        guard running == 0 else {
            throw Refusal(
                .conflict, "host \(name) runs \(running) builds: drain it and wait, or cancel them")
        }
        try await store.recording(
            ports.auditEntry(actor, "host.remove", name, known.host.auditFields.words)
        ).removeHost(name)
        await fleet.remove(name)
        // Attempts that were dispatched to it meanwhile.
        let fault = Fault(.infrastructure, .hostLost, "host \(name) was removed")
        for session in await tracker.sessions(on: name) { await session.post(.failed(fault)) }
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

/// What draining a host does, with the builds that it concerns.
public struct DrainReport: Sendable {
    public var finishes: [(Build, DrainPlan.Item)]
    public var strands: [(Build, DrainPlan.Item)]
    /// When nothing runs there any more.
    public var empty: Expected
}
