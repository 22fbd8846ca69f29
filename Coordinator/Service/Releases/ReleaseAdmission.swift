import BuildProtocol
import CoordinatorCore

extension Ports {
    /// The rights of a guest OS in an environment, with the present owner of the image's name.
    func rights(
        _ environment: ReleaseEnvironment, guestOS: String, plan: ReleasePlan?
    ) async throws -> ReleaseRights {
        var rights = ReleaseRights(environment, guestOS: guestOS, plan: plan)
        rights.owner = try await owner(of: rights.image, in: environment)
        return rights
    }

    /// A name that nobody has released under yet, and that is another guest OS's own, belongs to
    /// that one.
    private func owner(
        of image: ReleasedImage, in environment: ReleaseEnvironment
    ) async throws -> String? {
        guard image.isExclusive else { return nil }
        if let known = try await store.releaseName(image.name, in: environment.name) {
            return known.guestOS
        }
        guard environment.kind == .openstack, image.name != image.ownName,
            let other = ReleasedImage.guestOS(ofGlanceName: image.name)
        else { return nil }
        return try await store.guestOS(named: other)?.name
    }

    /// Why the releases that a template requests cannot succeed; `nil` if they can. An environment
    /// that does not exist yet refuses nothing.
    func refusal(of plan: ReleasePlan?, guestOS: String) async throws -> String? {
        guard let plan else { return nil }
        for name in plan.to {
            guard let environment = try await store.environment(named: name) else { continue }
            let rights = try await rights(environment, guestOS: guestOS, plan: plan)
            if case .refused(let why) = rights.verdict(isAgreed: false) { return why }
        }
        return nil
    }
}

/// Whether a stored release may go on, by the policy of its environment as it is now.
struct ReleaseAdmission: Sendable {
    let ports: Ports
    let store: any ReleaseWriter

    /// - Throws: `StoreError`
    func verdict(
        on release: Release, of build: Build, to environment: ReleaseEnvironment
    ) async throws -> ReleaseRights.Verdict {
        if let refusal = await refusal(of: release, build, environment) { return .refused(refusal) }
        if let why = try await superseded(release) { return .refused(why) }
        return try await ports.rights(
            environment, guestOS: release.guestOS, plan: build.plan.release
        ).verdict(isAgreed: release.isAgreed)
    }

    /// As `verdict`, and takes the image's name, so that no other guest OS does so meanwhile.
    /// - Throws: `StoreError`
    func claim(
        for release: Release, of build: Build, to environment: ReleaseEnvironment
    ) async throws -> ReleaseRights.Verdict {
        if let refusal = await refusal(of: release, build, environment) { return .refused(refusal) }
        if let why = try await superseded(release) { return .refused(why) }
        var rights = try await ports.rights(
            environment, guestOS: release.guestOS, plan: build.plan.release)
        let verdict = rights.verdict(isAgreed: release.isAgreed)
        guard verdict == .allowed, rights.image.isExclusive else { return verdict }
        rights.owner = try await store.claim(
            ReleaseName(
                environment: environment.name, name: rights.image.name,
                guestOS: release.guestOS, claimedBy: release.id)
        ).guestOS
        return rights.verdict(isAgreed: true)
    }

    /// Why a release that has begun nothing would put an older image in the place of a newer one;
    /// `nil` if it would not, or if a person asked for that.
    /// - Throws: `StoreError`
    func superseded(_ release: Release) async throws -> String? {
        guard release.journal.isEmpty, !release.isRequestedByPerson else { return nil }
        let ended = try await ports.store.releases(
            ReleaseFilter(
                guestOS: release.guestOS, environment: release.environment, states: [.released]),
            limit: ports.limits.pageRows)
        guard let present = ReleaseSequence.present(ended),
            ReleaseSequence.isOutOfOrder(release, after: present)
        else { return nil }
        return ReleaseSequence.superseded(release, by: present)
    }

    /// Decided before anything is tried: taking back what was never begun needs the environment,
    /// and would be tried for hours.
    private func refusal(
        of release: Release, _ build: Build, _ environment: ReleaseEnvironment
    ) async -> String? {
        let kind = release.action == .release ? environment.kind.refusal(of: build.image) : nil
        if let kind { return kind }
        return await EnvironmentPassword(ports: ports).loss(of: environment.name)
    }

    /// What a release that has not begun becomes at once, instead of when its turn comes.
    /// - Returns: `nil` if it stays as it is.
    /// - Throws: `StoreError`
    func change(of release: Release) async throws -> ReleaseChange? {
        guard release.attemptCount == 0, !release.cancelRequested,
            let environment = try await ports.store.environment(named: release.environment),
            let build = try await ports.store.build(id: release.build)
        else { return nil }
        switch try await verdict(on: release, of: build, to: environment) {
        case .allowed: return nil
        case .needsApproval:
            guard release.state == .queued else { return nil }
            return ReleaseChange(
                release: release.id, from: [.queued], to: .awaitingApproval,
                atMilliseconds: ports.clock.unixMilliseconds())
        case .refused(let why): return refusal(of: release.id, why)
        }
    }

    /// Ends a release that has not begun, or that waits for a person.
    func refusal(of release: String, _ why: String) -> ReleaseChange {
        var change = ReleaseChange(
            release: release, from: [.awaitingApproval, .queued], to: .refused,
            atMilliseconds: ports.clock.unixMilliseconds())
        change.fault = RecordedFault(ReleaseFault(.refused, why))
        return change
    }
}
