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
        try await audit(actor, "host.add", name, address)
        await admit(host)
        await hosts[name]?.monitor.start()
        return try snapshot(ofHost: name)
    }

    public func setDrained(
        _ drained: Bool, host name: String, by actor: String
    ) async throws -> HostSnapshot {
        try await ports.store.setDrained(drained, host: name, epoch: epoch ?? 0)
        try await audit(actor, drained ? "host.drain" : "host.resume", name)
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
        try await audit(actor, "host.remove", name)
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

    // MARK: Builds

    /// - Throws: `Refusal`, `TemplateFault`, `StoreError`
    public func submit(
        guestOS name: String, priority: Int, owner: String?, reason: String, by actor: String
    ) async throws -> Build {
        guard let guestOS = try await ports.store.guestOS(named: name) else {
            throw StoreError.notFound(what: "guest OS", name: name)
        }
        let plan = try await ports.templates.plan(for: guestOS)
        return try await enqueue(
            guestOS, plan, priority: priority, owner: owner ?? guestOS.owner, reason: reason,
            by: actor)
    }

    /// The same plan again, as a new build.
    public func retry(_ build: Build, by actor: String) async throws -> Build {
        guard build.state.isEnded else {
            throw Refusal(
                "build \(build.guestOS)/\(build.number) is \(build.state.rawValue); only a build "
                    + "that has ended can be tried again", conflict: true)
        }
        guard let guestOS = try await ports.store.guestOS(named: build.guestOS) else {
            throw StoreError.notFound(what: "guest OS", name: build.guestOS)
        }
        _ = try ports.templates.path(of: build.plan.template)
        return try await enqueue(
            guestOS, build.plan, priority: build.priority, owner: build.owner,
            reason: "retry of \(build.guestOS)/\(build.number)", by: actor)
    }

    private func enqueue(
        _ guestOS: GuestOS, _ plan: BuildPlan, priority: Int, owner: String, reason: String,
        by actor: String
    ) async throws -> Build {
        try check(owner, "owner")
        guard (-100...100).contains(priority) else {
            throw Refusal("priority \(priority) is outside -100...100")
        }
        guard reason.utf8.count <= ports.limits.reasonBytes else {
            throw Refusal("the reason is longer than \(ports.limits.reasonBytes) bytes")
        }
        guard live.count < ports.limits.queuedBuilds else {
            throw Refusal("the queue is full: \(live.count) builds wait or run", conflict: true)
        }
        let new = NewBuild(
            id: ports.environment.randomID(), guestOSID: guestOS.id, guestOS: guestOS.name,
            priority: priority, owner: owner, plan: plan, updateContents: reason,
            submittedMilliseconds: ports.environment.unixMilliseconds(), epoch: epoch ?? 0)
        let build: Build
        do { build = try await ports.store.enqueue(new) } catch {
            adopt(new.id)
            throw error
        }
        updated(build)
        tick()
        try await audit(actor, "build.submit", "\(build.guestOS)/\(build.number)", reason)
        return build
    }

    /// A submission whose answer was lost on the way may be stored all the same: it is taken up as
    /// soon as the store answers, not only after a restart.
    private func adopt(_ id: String) {
        Task {
            var backoff = ports.backoff()
            while true {
                do {
                    if let build = try await ports.store.build(id: id) {
                        updated(build)
                        tick()
                    }
                    return
                } catch {
                    do { try await ports.sleep(milliseconds: backoff.next()) } catch { return }
                }
            }
        }
    }

    /// - Throws: `Refusal` when it has ended.
    public func cancel(_ build: Build, by actor: String) async throws -> Build {
        guard
            let wished = try await ports.store.requestCancel(
                build: build.id, epoch: epoch ?? 0)
        else {
            throw Refusal(
                "build \(build.guestOS)/\(build.number) has ended already", conflict: true)
        }
        try await audit(actor, "build.cancel", "\(build.guestOS)/\(build.number)")
        live[build.id]?.build.cancelRequested = true
        if let session = live[build.id]?.session {
            await session.post(.cancel("cancelled by \(actor)"))
            return wished
        }
        return try await cancelWaiting(build, "cancelled by \(actor)") ?? wished
    }

    /// - Returns: `nil` when it does not wait any more.
    func cancelWaiting(_ build: Build, _ reason: String) async throws -> Build? {
        let change = BuildChange(
            build: build.id, from: [.queued], owner: nil, to: .cancelled,
            atMilliseconds: ports.environment.unixMilliseconds(),
            fault: Fault(.cancelled, .cancelled, reason), epoch: epoch ?? 0)
        let ended = try await ports.store.apply(change)
        if let ended { updated(ended) }
        return ended
    }

    /// The newest state of a build, and what is only known while it lives.
    public func find(_ id: String) async throws -> (Build, LiveDetail)? {
        if let entry = live[id] { return (entry.build, entry.detail) }
        return try await ports.store.build(id: id).map { ($0, LiveDetail()) }
    }

    public func detail(of id: String) -> LiveDetail { live[id]?.detail ?? LiveDetail() }

    // MARK: Parts

    func audit(
        _ actor: String, _ action: String, _ subject: String, _ detail: String = ""
    ) async throws {
        try await ports.store.record(
            AuditEntry(
                atMilliseconds: ports.environment.unixMilliseconds(), actor: actor,
                action: action, subject: subject, detail: detail))
    }

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
