import CoordinatorCore
import Support

/// One attempt of a release, from its claim to the record of its end.
struct ReleaseRun: Sendable {
    let releases: Releases
    let ports: Ports
    let store: any ReleaseWriter

    func carryOut(_ waiting: Release) async {
        var claim = change(waiting, from: [.queued], attempt: nil, to: .running)
        claim.begins = true
        guard let release = await apply(claim) else { return await releases.refresh(waiting.id) }
        let steps = Steps(run: self, release: release)
        do {
            // Its time was over while it was claimed.
            if release.isOverdue(atMilliseconds: ports.clock.unixMilliseconds()) {
                throw ReleaseEnding(ports: ports).timeout(of: release)
            }
            guard let environment = try await ports.store.environment(named: release.environment)
            else {
                // Its settings are gone: nothing can be cleaned up, and no retry would help.
                let left = try await ports.leftBehind(by: release)
                return await end(
                    release, as: release.ending ?? .failed,
                    RecordedFault(Self.gone(release.environment, isHalfMade: !left.isEmpty)), left)
            }
            guard try await mayBegin(release, to: environment) else { return }
            let order = try await order(for: release, to: environment)
            guard let target = ports.targets[environment.kind] else {
                throw ReleaseFault(
                    .rejected,
                    "this coordinator has no way to \(environment.kind.rawValue) "
                        + "environments")
            }
            guard release.ending == nil else {
                try await target.abandon(order, steps)
                return await end(release, as: release.ending ?? .failed, release.fault)
            }
            let result =
                switch release.action {
                case .release: try await target.release(order, steps)
                case .rollback: try await target.rollBack(order, steps)
                }
            var done = change(release, to: .released)
            done.result = result
            await record(done)
        } catch {
            await judge(release, error)
        }
    }

    /// Nobody has approved it in time.
    func expire(_ id: String) async {
        let days = ports.limits.releaseApprovalMilliseconds / 86_400_000
        await record(
            ReleaseAdmission(ports: ports, store: store).refusal(
                of: id,
                "nobody approved it within \(days) days. If it is still wanted: "
                    + "aibuild release retry \(id)"))
    }

    /// It waits, and its time is over.
    func timeOut(_ waiting: Release) async {
        let ending = ReleaseEnding(ports: ports)
        // Only a coordinator that stops gives up.
        let change = try? await ports.retrying {
            try await ending.change(
                of: waiting, to: .failed, because: ending.timeout(of: waiting))
        } unless: {
            releases.log.warning("cannot end the release \(waiting.id) yet: \($0)")
        }
        if let change { await record(change) }
    }

    // MARK: The policy

    /// What is left of a release that has failed is always taken back.
    /// - Returns: whether it goes on; if not, it waits for a person now.
    /// - Throws: `ReleaseFault` if the policy of the environment does not allow it.
    private func mayBegin(
        _ release: Release, to environment: ReleaseEnvironment
    ) async throws -> Bool {
        guard release.ending == nil, let build = try await ports.store.build(id: release.build)
        else { return true }
        let admission = ReleaseAdmission(ports: ports, store: store)
        switch try await admission.claim(for: release, of: build, to: environment) {
        case .allowed: return true
        case .needsApproval:
            var waiting = change(release, to: .awaitingApproval)
            // It has tried nothing yet.
            waiting.isInterruption = true
            await record(waiting)
            return false
        case .refused(let why): throw ReleaseFault(.refused, why)
        }
    }

    // MARK: The order

    private func order(
        for release: Release, to environment: ReleaseEnvironment
    ) async throws -> ReleaseOrder {
        guard let build = try await ports.store.build(id: release.build), let image = build.image,
            let guestOS = try await ports.store.guestOS(named: build.guestOS)
        else {
            throw ReleaseFault(
                .rejected, "build \(release.guestOS):\(release.buildNumber) has no image any more")
        }
        // Cleaning up needs no image, and must not fail because there is none.
        let needsImage = release.action == .release && release.ending == nil
        let path: String
        do { path = needsImage ? try await ports.webRoot.file(of: image) : "" } catch {
            throw ReleaseFault(.rejected, cause: error)
        }
        var journal = release.journal
        if let undone = release.undoes, journal.isEmpty {
            journal = try await ports.store.release(id: undone)?.journal ?? [:]
        }
        let password = try await EnvironmentPassword(ports: ports).value(ofNamed: environment.name)
        if let name = environment.secretName {
            try await ports.audit(
                "coordinator", "secret.use", "\(build.guestOS):\(build.number)",
                "for the release to \(environment.name): \(name)")
        }
        return ReleaseOrder(
            release: release.id, build: build, guestOS: guestOS, image: image, imagePath: path,
            environment: environment,
            secret: password,
            format: release.format, plan: build.plan.release ?? ReleasePlan(), journal: journal,
            isFirstTry: release.attemptCount == 1,
            createdMilliseconds: release.createdMilliseconds)
    }

    func environment(named name: String) async throws -> (ReleaseEnvironment, Secret?) {
        guard let environment = try await ports.store.environment(named: name) else {
            throw Self.gone(name)
        }
        return (environment, try await EnvironmentPassword(ports: ports).value(ofNamed: name))
    }

    private static func gone(_ name: String, isHalfMade: Bool = false) -> ReleaseFault {
        let left = isHalfMade ? "; what was half-made there has to be removed by hand" : ""
        return ReleaseFault(
            .rejected,
            "there is no environment '\(name)' (any more): register it, then release again\(left)")
    }

    // MARK: The end

    private func judge(_ claimed: Release, _ error: any Error) async {
        // The journal is what the attempt made of it.
        let release = await releases.current(claimed)
        let now = ports.clock.unixMilliseconds()
        let isOverdue = release.isOverdue(atMilliseconds: now)
        // Stopped with the coordinator: the next leader resumes it.
        if Task.isCancelled, !release.cancelRequested, !isOverdue { return }
        let ending = ReleaseEnding(ports: ports)
        // If nobody knows, cleaning up does no harm.
        let left = try? await ports.leftBehind(by: release)
        let fault = fault(of: release, isOverdue, error)
        switch ReleaseRetry.judge(
            release, fault, isClean: left?.isEmpty ?? false, nowMilliseconds: now)
        {
        case .again(let notBefore):
            var again = change(release, to: .queued)
            again.notBeforeMilliseconds = notBefore
            again.fault = release.ending == nil ? RecordedFault(fault) : release.fault
            await record(again)
        case .cleanUp(let state):
            var cleaning = change(release, to: .queued)
            cleaning.notBeforeMilliseconds = 0
            cleaning.ending = state
            cleaning.fault = RecordedFault(fault)
            await record(cleaning)
        case .end(let state) where release.ending == nil:
            await end(release, as: state, RecordedFault(fault))
        case .end(let state):
            let left = left ?? []
            let last =
                left.isEmpty ? release.fault : ending.withLeftovers(release.fault, left, fault)
            await end(release, as: state, last, left)
        }
    }

    private func fault(
        of release: Release, _ isOverdue: Bool, _ error: any Error
    ) -> ReleaseFault {
        if release.ending == nil {
            if release.cancelRequested { return ReleaseFault(.cancelled, "cancelled") }
            if isOverdue { return ReleaseEnding(ports: ports).timeout(of: release) }
        }
        return error as? ReleaseFault ?? ReleaseFault(.failed, cause: error)
    }

    private func end(
        _ release: Release, as state: ReleaseState, _ fault: RecordedFault?, _ left: [String] = []
    ) async {
        var end = change(release, to: state)
        end.fault = fault
        end.leftBehind = left
        await record(end)
    }

    private func change(_ release: Release, to state: ReleaseState) -> ReleaseChange {
        change(release, from: [.running], attempt: release.attemptCount, to: state)
    }

    private func change(
        _ release: Release, from: Set<ReleaseState>, attempt: Int?, to state: ReleaseState
    ) -> ReleaseChange {
        ReleaseChange(
            release: release.id, from: from, attempt: attempt, to: state,
            atMilliseconds: ports.clock.unixMilliseconds())
    }

    private func record(_ change: ReleaseChange) async {
        if await apply(change) == nil { await releases.refresh(change.release) }
    }

    /// Retries until the store responds: an effect in the environment must never lack its row.
    /// - Returns: `nil` if another attempt or another coordinator owns the release.
    fileprivate func apply(_ change: ReleaseChange) async -> Release? {
        // Stopped: the next leader reads its state from the store.
        try? await ports.retrying {
            guard let changed = try await store.apply(change) else { return nil }
            await releases.updated(changed)
            return changed
        } unless: { error in
            if let code = (error as? StoreError)?.code, code == .deposed || code == .unusable {
                throw error
            }
            releases.log.error("cannot record the release \(change.release): \(error)")
        }
    }

    /// Receives the progress and journal of a target.
    private struct Steps: ReleaseSteps {
        let run: ReleaseRun
        let release: Release

        func record(_ journal: [String: String]) async throws {
            var change = run.change(release, to: .running)
            change.journal = journal
            guard await run.apply(change) != nil else { throw CancellationError() }
        }

        func progress(_ what: String, doneBytes: Int64, totalBytes: Int64) async {
            await run.releases.note(
                release.id,
                ReleaseProgress(what: what, doneBytes: doneBytes, totalBytes: totalBytes))
        }

        /// What passes through another environment may also go there.
        func environment(named name: String) async throws -> (ReleaseEnvironment, Secret?) {
            let (environment, secret) = try await run.environment(named: name)
            let rights = ReleaseRights(environment, guestOS: release.guestOS, plan: nil)
            if let refusal = rights.guestOSRefusal, release.ending == nil {
                throw ReleaseFault(.refused, refusal)
            }
            return (environment, secret)
        }
    }
}
