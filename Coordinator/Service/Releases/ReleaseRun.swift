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
            guard let environment = try await ports.store.environment(named: release.environment)
            else {
                // Its settings are gone: nothing can be cleaned up, and no retry would help.
                return await end(
                    release, as: release.ending ?? .failed,
                    RecordedFault(
                        Self.gone(release.environment, isHalfMade: !release.journal.isEmpty)))
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
            await record(change(release, to: .awaitingApproval))
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
                .rejected, "build \(release.guestOS)/\(release.buildNumber) has no image any more")
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
        return ReleaseOrder(
            release: release.id, build: build, guestOS: guestOS, image: image, imagePath: path,
            environment: environment,
            secret: try await ports.store.secret(ofEnvironment: environment.name),
            format: release.format, plan: build.plan.release ?? ReleasePlan(), journal: journal,
            isFirstTry: release.attemptCount == 1,
            createdMilliseconds: release.createdMilliseconds)
    }

    func environment(named name: String) async throws -> (ReleaseEnvironment, Secret?) {
        guard let environment = try await ports.store.environment(named: name) else {
            throw Self.gone(name)
        }
        return (environment, try await ports.store.secret(ofEnvironment: name))
    }

    private static func gone(_ name: String, isHalfMade: Bool = false) -> ReleaseFault {
        let left = isHalfMade ? "; what was half-made there has to be removed by hand" : ""
        return ReleaseFault(
            .rejected,
            "there is no environment '\(name)' (any more): register it, then release again\(left)")
    }

    // MARK: The end

    private func judge(_ release: Release, _ error: any Error) async {
        let isUnwanted = await releases.isUnwanted(release.id)
        // Stopped with the coordinator: the next leader resumes it.
        if Task.isCancelled, !isUnwanted { return }
        var release = release
        release.cancelRequested = isUnwanted
        let fault =
            isUnwanted && release.ending == nil
            ? ReleaseFault(.cancelled, "cancelled")
            : error as? ReleaseFault ?? ReleaseFault(.failed, cause: error)
        let now = ports.clock.unixMilliseconds()
        switch ReleaseRetry.judge(release, fault, nowMilliseconds: now) {
        case .again(let notBefore):
            var again = change(release, to: .queued)
            again.notBeforeMilliseconds = notBefore
            again.fault = release.ending == nil ? RecordedFault(fault) : release.fault
            await record(again)
        case .abandon(let state):
            var abandoned = change(release, to: .queued)
            abandoned.notBeforeMilliseconds = 0
            abandoned.ending = state
            abandoned.fault = RecordedFault(fault)
            await record(abandoned)
        case .end(let state) where release.ending == nil:
            await end(release, as: state, RecordedFault(fault))
        case .end(let state):
            let left = ReleaseFault(
                .rejected,
                "\(release.fault?.description ?? ""); what is half-made could not be taken back, "
                    + "remove it by hand", cause: fault)
            await end(release, as: state, RecordedFault(left))
        }
    }

    private func end(_ release: Release, as state: ReleaseState, _ fault: RecordedFault?) async {
        var end = change(release, to: state)
        end.fault = fault
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
