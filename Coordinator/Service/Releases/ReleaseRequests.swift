import BuildProtocol
public import CoordinatorCore
import TextKit

/// Submits, approves, refuses, retries and rolls back releases.
public struct ReleaseRequests: Sendable {
    let ports: Ports
    let store: any ReleaseWriter
    let releases: Releases

    /// - Parameters:
    ///   - build: must have passed.
    ///   - timeoutSeconds: how long it may take to succeed; `nil`: as long as its tries do.
    /// - Throws: `Refusal`, `StoreError`
    public func submit(
        _ build: Build, to environments: [String], format: ReleaseFormat?,
        timeoutSeconds: Int? = nil, by actor: String
    ) async throws -> [Release] {
        try check(timeoutSeconds)
        guard build.state == .passed, let image = build.image else {
            throw Refusal(
                .conflict,
                "build \(build.guestOS):\(build.number) is \(build.state.rawValue): only a build "
                    + "that passed can be released")
        }
        guard build.plan.isPublished else {
            throw Refusal(
                .conflict,
                "build \(build.guestOS):\(build.number) is not for publication: "
                    + "\(build.updateContents). Release a build of the guest OS's own branch or of "
                    + "a tag")
        }
        do { _ = try await ports.webRoot.file(of: image) } catch {
            throw Refusal(.conflict, cause: error)
        }
        let names = try await known(environments)
        for name in names where await releases.hasLive(build: build.id, environment: name) {
            throw Refusal(
                .conflict,
                "\(build.guestOS):\(build.number) is on its way to \(name) already: see "
                    + "aibuild releases")
        }
        for name in names {
            if let why = try await ports.environment(named: name).kind.refusal(of: image) {
                throw Refusal(.conflict, why)
            }
            try await check(build, name)
        }
        return try await add(
            names.map { name in
                Release(
                    id: ports.ids.randomID(), build: build, environment: name,
                    format: format, requestedBy: actor, approvedBy: actor,
                    timeoutSeconds: timeoutSeconds,
                    createdMilliseconds: ports.clock.unixMilliseconds())
            }, "release.submit", by: actor)
    }

    private func check(_ timeoutSeconds: Int?) throws {
        let allowed = ports.limits.releaseTimeoutSeconds
        guard let timeoutSeconds, !allowed.contains(timeoutSeconds) else { return }
        throw Refusal(
            "the timeout of a release is \(timeoutSeconds) seconds: use "
                + "\(DurationText.text(allowed.lowerBound)) to "
                + DurationText.text(allowed.upperBound))
    }

    /// - Throws: `Refusal` if the policy of the environment does not allow it; who requests it has
    ///   agreed to it.
    private func check(_ build: Build, _ name: String) async throws {
        if let why = await EnvironmentPassword(ports: ports).loss(of: name) {
            throw Refusal(.conflict, why)
        }
        let rights = try await ports.rights(
            try await ports.environment(named: name), guestOS: build.guestOS,
            plan: build.plan.release)
        if case .refused(let why) = rights.verdict(isAgreed: true) { throw Refusal(.conflict, why) }
    }

    /// The newest build of the guest OS that passed all its tests.
    public func latestGood(guestOS name: String) async throws -> Build {
        _ = try await ports.guestOS(named: name)
        let passed = try await ports.store.builds(
            BuildFilter(guestOS: name, states: [.passed]), limit: ports.limits.pageRows)
        guard let build = passed.first(where: { $0.plan.isPublished }) else {
            throw Refusal(
                .conflict, "no build of \(name) has passed yet: nothing can be released")
        }
        return build
    }

    /// Restores what was in each environment before the newest release of the guest OS.
    public func rollBack(
        guestOS: String, in environments: [String], by actor: String
    ) async throws -> [Release] {
        var wanted: [Release] = []
        for name in try await known(environments) {
            let released = try await ports.store.releases(
                ReleaseFilter(guestOS: guestOS, environment: name, states: [.released]),
                limit: 50
            ).filter { $0.action == .release }
            guard let current = released.first,
                let build = try await ports.store.build(id: current.build)
            else {
                _ = try await ports.guestOS(named: guestOS)
                throw Refusal(
                    .conflict,
                    "aibuild has released nothing of \(guestOS) to \(name) that could be taken "
                        + "back")
            }
            var before: Build?
            if let earlier = released.dropFirst().first {
                before = try await ports.store.build(id: earlier.build)
            }
            try await check(before ?? build, name)
            wanted.append(
                Release(
                    id: ports.ids.randomID(), action: .rollback,
                    build: before ?? build, environment: name, undoes: current.id,
                    requestedBy: actor, approvedBy: actor,
                    createdMilliseconds: ports.clock.unixMilliseconds()))
        }
        return try await add(wanted, "release.rollback", by: actor)
    }

    private func add(
        _ new: [Release], _ action: String, by actor: String
    ) async throws -> [Release] {
        for release in new {
            try await store.recording(ports.auditEntry(actor, action, of: release)).add(release)
            await releases.take([release])
        }
        return new
    }

    /// - Throws: `Refusal` if it does not wait for an approval, or its environment does not take
    ///   it, approved or not.
    public func approve(_ name: String, by actor: String) async throws -> Release {
        let release = try await ports.release(name)
        if release.state == .awaitingApproval,
            let build = try await ports.store.build(id: release.build)
        {
            try await check(build, release.environment)
        }
        if release.state == .awaitingApproval { try await checkOrder(of: release) }
        var change = ReleaseChange(
            release: release.id, from: [.awaitingApproval], to: .queued,
            atMilliseconds: ports.clock.unixMilliseconds())
        change.approvedBy = actor
        let entry = ports.auditEntry(actor, "release.approve", of: release)
        guard let approved = try await store.recording(entry).apply(change) else {
            throw notWaiting(release)
        }
        await releases.take([approved])
        return approved
    }

    /// - Throws: `Refusal` if it would replace a newer image, or one that is on its way. Only who
    ///   names an older image puts it there.
    private func checkOrder(of release: Release) async throws {
        let admission = ReleaseAdmission(ports: ports, store: store)
        if let why = try await admission.superseded(release) { throw Refusal(.conflict, why) }
        let live = await releases.live(environment: release.environment)
        if let newer = ReleaseSequence.newer(than: release, in: live) {
            throw Refusal(.conflict, ReleaseSequence.overtaken(release, by: newer))
        }
    }

    /// Ends a release that waits for an approval without it.
    /// - Parameter reason: what the requester reads; may be empty.
    /// - Throws: `Refusal` if it does not wait for an approval.
    public func refuse(_ name: String, reason: String, by actor: String) async throws -> Release {
        try Refusal.check(text: reason, "reason", limitBytes: ports.limits.reasonBytes)
        let release = try await ports.release(name)
        var change = ReleaseAdmission(ports: ports, store: store).refusal(
            of: release.id, "refused by \(actor)" + (reason.isEmpty ? "" : ": \(reason)"))
        change.from = [.awaitingApproval]
        let entry = ports.auditEntry(
            actor, "release.refuse", of: release, reason.isEmpty ? "" : ": \(reason)")
        guard release.state == .awaitingApproval,
            let refused = try await store.recording(entry).apply(change)
        else { throw notWaiting(release) }
        await releases.take([refused])
        return refused
    }

    private func notWaiting(_ release: Release) -> Refusal {
        Refusal(
            .conflict,
            "the release is \(release.state.rawValue): it does not wait for an approval")
    }

    /// Submits the same release again, as a new one.
    public func retry(_ name: String, by actor: String) async throws -> Release {
        let old = try await ports.release(name)
        guard [.failed, .cancelled, .refused].contains(old.state) else {
            throw Refusal(
                .conflict,
                "the release is \(old.state.rawValue): only one that failed, was cancelled or was "
                    + "refused can be tried again")
        }
        guard let build = try await ports.store.build(id: old.build) else {
            throw StoreError.notFound(what: .build, name: old.build)
        }
        guard old.action == .release else {
            return try await rollBack(guestOS: old.guestOS, in: [old.environment], by: actor)[0]
        }
        // Whoever repeats an old one may not know what has come since.
        var wanted = old
        wanted.approvedBy = nil
        wanted.journal = [:]
        try await checkOrder(of: wanted)
        return try await submit(
            build, to: [old.environment], format: old.format, timeoutSeconds: old.timeoutSeconds,
            by: actor)[0]
    }

    /// The names without duplicates, in order.
    private func known(_ names: [String]) async throws -> [String] {
        guard !names.isEmpty, names.count <= ports.limits.releaseEnvironments else {
            throw Refusal(
                "name 1 to \(ports.limits.releaseEnvironments) environments to release to")
        }
        let known = Set(try await ports.store.environments().map(\.name))
        var seen: Set<String> = []
        for name in names where !known.contains(name) {
            throw StoreError.notFound(what: .environment, name: name)
        }
        return names.filter { seen.insert($0).inserted }
    }
}
