import BuildProtocol
public import CoordinatorCore
import Support

/// What people ask for of builds.
extension Coordinator {
    /// - Throws: `Refusal`, `TemplateFault`, `StoreError`
    public func submit(
        guestOS name: String, priority: Int, owner: String?, reason: String, by actor: String
    ) async throws -> Build {
        guard let guestOS = try await ports.store.guestOS(named: name) else {
            throw StoreError.notFound(what: "guest OS", name: name)
        }
        let plan = try TestPlanning.combine(
            try await ports.templates.plan(for: guestOS),
            registered: try await ports.store.testCases(guestOS.type))
        try await checkOutputs(plan)
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
        try await ports.audit(actor, "build.submit", "\(build.guestOS)/\(build.number)", reason)
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
        try await ports.audit(actor, "build.cancel", "\(build.guestOS)/\(build.number)")
        live[build.id]?.build.cancelRequested = true
        if let session = live[build.id]?.session {
            await session.post(.cancel("cancelled by \(actor)"))
            return wished
        }
        return try await cancelWaiting(build, "cancelled by \(actor)") ?? wished
    }

    /// - Returns: `nil` when it does not wait any more, or must wait for its image to be removed.
    func cancelWaiting(_ build: Build, _ reason: String) async throws -> Build? {
        if let maker = build.image?.attempt {
            // First, as everywhere: no crash leaves an image that no row knows.
            do { try await ports.webRoot.withdraw(maker, of: build) } catch {
                log.error("cannot take the image of build \(build.id) back: \(error)")
                // The attempt that begins now is not wanted, and tries it until it is done.
                tick()
                return nil
            }
        }
        let change = BuildChange(
            build: build.id, from: [.queued], owner: nil, to: .cancelled,
            atMilliseconds: ports.environment.unixMilliseconds(),
            fault: Fault(.cancelled, .cancelled, reason), withdrawsImage: build.image != nil,
            epoch: epoch ?? 0)
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
}
