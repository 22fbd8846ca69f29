import BuildProtocol
public import CoordinatorCore

/// Submits builds, and retries ended ones.
public struct BuildSubmission: Sendable {
    let ports: Ports
    let store: any BuildWriter
    let tracker: BuildTracker
    let fleet: HostFleet
    let check: TemplateCheck
    let schedules: Schedules

    /// Queues a build of the guest OS from the newest commit of its template.
    /// - Parameter change: what this build has otherwise than the guest OS.
    /// - Throws: `Refusal`, `TemplateFault`, `StoreError`
    public func submit(
        guestOS name: String, _ change: PlanChange = PlanChange(), priority: Int,
        owner: String?, reason: String, by actor: String
    ) async throws -> Build {
        let guestOS = try await ports.guestOS(named: name)
        var plan = try await plan(for: change.applied(to: guestOS))
        plan.set(change)
        // Whoever tries out a branch does not mean to bring it into production.
        if change.ref != nil { plan.release = nil }
        return try await enqueue(
            guestOS, plan, priority: priority, owner: owner ?? guestOS.owner, reason: reason,
            by: actor, isAwaited: true)
    }

    /// The plan of a build from the newest commit of the template.
    /// - Parameter kind: the trigger that starts it.
    /// - Throws: `Refusal` if it is retired, `TemplateFault`, `StoreError`
    func plan(
        for guestOS: GuestOS, startedBy kind: BuildOrigin.Kind? = nil
    ) async throws -> BuildPlan {
        try Self.check(guestOS)
        await schedules.templateChanged(ofGuestOS: guestOS.id)
        let plan = try TestPlanning.combine(
            try await ports.templates.plan(for: guestOS, startedBy: kind),
            registered: try await ports.store.testCases(guestOS.type))
        try await BuildOutputs(ports: ports).check(plan, of: guestOS.name)
        return plan
    }

    private static func check(_ guestOS: GuestOS) throws {
        guard guestOS.isRetired else { return }
        throw Refusal(
            .conflict,
            "the guest OS \(Names.quoted(guestOS.name)) is retired: it takes no new builds. To "
                + "build it again: aibuild guestos change \(guestOS.name) --restore")
    }

    /// Queues the same plan again, as a new build.
    public func retry(_ build: Build, by actor: String) async throws -> Build {
        guard build.state.isEnded else {
            throw Refusal(
                .conflict,
                "build \(build.guestOS):\(build.number) is \(build.state.rawValue); only a build "
                    + "that has ended can be tried again")
        }
        let guestOS = try await ports.guestOS(named: build.guestOS)
        try Self.check(guestOS)
        try await ports.templates.restore(build.plan, of: guestOS)
        return try await enqueue(
            guestOS, build.plan, priority: build.priority, owner: build.owner,
            reason: "retry of \(build.guestOS):\(build.number)", by: actor)
    }

    /// What a build of the guest OS would have otherwise now than this build had.
    /// - Throws: `Refusal`, `TemplateFault`, `StoreError`
    public func changes(since build: Build) async throws -> [PlanDifference] {
        let guestOS = try await ports.guestOS(named: build.guestOS)
        let changed = try build.plan.change?.applied(to: guestOS) ?? guestOS
        return PlanDifference.all(
            build.plan, try await plan(for: changed, startedBy: build.plan.origin?.kind))
    }

    /// - Parameters:
    ///   - id: of the build; a random one if it is `nil`.
    ///   - isAwaited: a person waits for the answer, and is told what Packer says of the template.
    ///     A Git server gives up after seconds; the first step of the build tells its people.
    /// - Throws: `Refusal`, `TemplateFault`, `StoreError`
    func enqueue(
        _ guestOS: GuestOS, _ plan: BuildPlan, id: String? = nil, priority: Int, owner: String,
        reason: String, by actor: String, isAwaited: Bool = false
    ) async throws -> Build {
        try Refusal.check(owner, "owner")
        guard PriorityBound.range.contains(priority) else {
            throw Refusal("priority \(priority) is outside \(PriorityBound.range)")
        }
        guard reason.utf8.count <= ports.limits.reasonBytes else {
            throw Refusal("the reason is longer than \(ports.limits.reasonBytes) bytes")
        }
        try await checkRoom()
        var plan = plan
        let offer = try await FarmSecrets(ports: ports).offer(to: plan, guestOS: guestOS.name)
        plan.farmSecrets = offer.open
        let needs = BuildNeeds(plan, guestOS: guestOS.name)
        let hosts = await fleet.views()
        // Before there is a host as well: waiting for one would not bring it back.
        if let lost = offer.lost.first(where: { name in
            !hosts.contains { $0.report?.has(secret: name, guestOS: guestOS.name) == true }
        }) {
            throw Refusal(.conflict, FarmSecrets.lost(lost))
        }
        if let why = needs.refusal(hosts) {
            let closed = offer.closed.first.map { "; " + $0 }
            throw Refusal(.conflict, why + (closed ?? ""))
        }
        let new = NewBuild(
            id: id ?? ports.ids.randomID(), guestOSID: guestOS.id, guestOS: guestOS.name,
            priority: priority, owner: owner, plan: plan, updateContents: reason,
            submittedMilliseconds: ports.clock.unixMilliseconds())
        try checkSizes(of: new)
        if isAwaited {
            do { try await check.check(new) } catch {
                try await ports.audit(actor, "build.refuse", guestOS.name, "by Packer on a host")
                throw error
            }
            // Seconds may have passed.
            try Self.check(try await ports.guestOS(named: guestOS.name))
            try await checkRoom()
        }
        let build: Build
        let entry = ports.auditEntry(actor, "build.submit", new.id, reason)
        do { build = try await store.recording(entry).enqueue(new) } catch {
            adopt(new.id)
            throw error
        }
        await tracker.add(build)
        return build
    }

    /// - Throws: `Refusal` if the queue is full.
    private func checkRoom() async throws {
        let count = await tracker.count
        guard count < ports.limits.queuedBuilds else {
            throw Refusal(.full, "the queue is full: \(count) builds are queued or running")
        }
    }

    /// What cannot be sent to a host is refused now, not after it has waited in the queue.
    /// - Throws: `TemplateFault`
    private func checkSizes(of new: NewBuild) throws {
        var build = Build(new, number: CountBound.range.upperBound)
        let token = AttemptToken(high: 0, low: 0)
        for stage in new.plan.tests == nil ? [BuildStage.build] : BuildStage.allCases {
            build.stage = stage
            let name = "\(build.imageName).qcow2"
            build.image = PublishedImage(
                name: name, path: "images/release/\(build.folderName)/\(name)", url: "",
                sizeBytes: 0, sha256: String(repeating: "0", count: 64), format: .qcow2,
                virtualSizeBytes: nil)
            let start = Start(build, as: token, url: ports.webRoot.url)
            if let problem = start.sizeProblem { throw TemplateFault(problem) }
        }
    }

    /// A submission whose response was lost may have been stored nevertheless. It joins the queue
    /// as soon as the store responds, not only after a restart.
    private func adopt(_ id: String) {
        Task {
            try await ports.retrying {
                if let build = try await ports.store.build(id: id) { await tracker.add(build) }
            } unless: { _ in
            }
        }
    }
}

extension HostReport {
    fileprivate func has(secret: String, guestOS: String) -> Bool {
        secrets?.contains(secret) == true && allows(secret: secret, guestOS: guestOS)
    }
}
