import BuildProtocol
import CoordinatorCore
import Support

extension Coordinator {
    // MARK: Builds

    func updated(_ build: Build) {
        // It holds the queue as it was, which would be copied to be changed.
        explanation = nil
        if build.state.isEnded {
            live[build.id] = nil
        } else {
            var entry = live[build.id] ?? LiveBuild(build: build)
            // A wish may be newer than this answer of the store; it is never taken back.
            let isUnwanted = entry.build.cancelRequested
            entry.build = build
            entry.build.cancelRequested = isUnwanted || build.cancelRequested
            live[build.id] = entry
        }
        let changes = self.changes
        Task {
            if build.state.isEnded {
                await changes.retire(build.id)
            } else {
                await changes.bump(build.id)
            }
            await changes.bump(Self.allBuilds)
        }
    }

    func note(_ id: String, phase: String) async {
        guard live[id]?.detail.phase != phase else { return }
        live[id]?.detail = LiveDetail(phase: phase)
        await changes.bump(id)
    }

    func note(_ id: String, doneBytes: Int64, totalBytes: Int64) async {
        live[id]?.detail = LiveDetail(
            phase: "pulling the image", doneBytes: doneBytes, totalBytes: totalBytes)
        await changes.bump(id)
    }

    func hostReported(_ name: String, _ report: HostReport) {
        guard hosts[name] != nil else { return }
        hosts[name]?.away = nil
        hosts[name]?.report = report
        hosts[name]?.reportedMilliseconds = ports.environment.unixMilliseconds()
        tick()
    }

    func hostAway(_ name: String, _ why: String) {
        if hosts[name]?.away != why {
            log.warning("host \(name): \(why)")
            explanation = nil
        }
        hosts[name]?.away = why
    }

    /// Records the end of an attempt; what follows is the retry policy's.
    /// - Throws: `StoreError` when nothing was recorded.
    func settle(_ session: BuildSession, _ end: AttemptEnd, _ image: PublishedImage?) async throws {
        guard let entry = live[session.build.id], entry.build.attempt == session.token else {
            return
        }
        try await finish(entry.build, end, image)
    }

    /// The session ended without an end: what the store says counts.
    func gaveWay(_ session: BuildSession) async {
        let id = session.build.id
        log.warning("attempt \(session.token) does not own build \(id) any more")
        if live[id]?.session === session { live[id]?.session = nil }
        await refresh(id)
    }

    func record(_ build: Build, _ end: AttemptEnd, _ image: PublishedImage?) async {
        do { try await finish(build, end, image) } catch {
            log.error("cannot record the end of build \(build.id): \(error)")
        }
    }

    private func finish(_ build: Build, _ end: AttemptEnd, _ image: PublishedImage?) async throws {
        guard let owner = build.attempt, let host = build.host else { return }
        let now = ports.environment.unixMilliseconds()
        var change = BuildChange(
            build: build.id, from: [.building, .collecting, .publishing, .testing], owner: owner,
            to: .passed, atMilliseconds: now, end: end, image: image, epoch: epoch ?? 0)
        change.withdrawsImage = build.stage == .test && end.judgesImage
        var history = live[build.id]?.history ?? []
        if let fault = end.outcome.fault {
            history.append((host, fault))
            judge(fault, build, history, &change)
        } else if build.stage == .build, image != nil, build.plan.tests != nil {
            // Its attempts are counted anew.
            change.to = .queued
            change.stage = .test
            change.notBeforeMilliseconds = 0
            history = []
        }
        if change.to == .passed { change.releases = following(build, at: now) }
        let started = live[build.id]?.attemptStartedMilliseconds ?? now
        guard let changed = try await ports.store.apply(change) else {
            log.warning("attempt \(owner) does not own build \(build.id) any more")
            live[build.id]?.session = nil
            return await refresh(build.id)
        }
        live[build.id]?.session = nil
        live[build.id]?.history = history
        live[build.id]?.detail = LiveDetail()
        blame(host, end.outcome.fault)
        share.add(Double(max(0, now - started)) / 1000, to: build.owner, at: now)
        updated(changed)
        if changed.state == .queued, live[build.id]?.build.cancelRequested ?? false {
            _ = try await cancelWaiting(changed, "cancelled")
        }
        tick()
        await releases.take(change.releases)
    }

    /// What follows a fault.
    private func judge(
        _ fault: Fault, _ build: Build, _ history: [(host: String, fault: Fault)],
        _ change: inout BuildChange
    ) {
        // Whatever else went wrong with it: a person did not want it any more.
        let cancelled = live[build.id]?.build.cancelRequested ?? false
        let judged =
            cancelled && fault.class != .cancelled
            ? Fault(.cancelled, .cancelled, "cancelled") : fault
        switch RetryPolicy.judge(judged, history: history, now: change.atMilliseconds) {
        case .retry(let notBefore):
            change.to = .queued
            change.notBeforeMilliseconds = notBefore
            change.fault = fault
        case .end(.cancelled, _) where build.image != nil && !change.withdrawsImage:
            // The wish came with a fault of the host: the image is still there. It goes with the
            // build, which waits now.
            change.to = .queued
            change.fault = fault
        case .end(let state, let fault):
            change.to = state
            change.fault = fault
            if build.stage == .test, !change.withdrawsImage, let image = build.image {
                change.fault?.reason +=
                    "; nothing was found out about the image, which stays at \(image.path)"
            }
        }
    }

    /// What `aibuild.yml` says shall become of an image that passed.
    private func following(_ build: Build, at now: Int64) -> [Release] {
        guard let plan = build.plan.release else { return [] }
        return plan.to.map { environment in
            Release(
                id: ports.environment.randomID(), build: build, environment: environment,
                state: plan.when == .manual ? .awaitingApproval : .queued,
                requestedBy: "aibuild.yml", createdMilliseconds: now)
        }
    }

    /// A host that keeps failing gets a pause; one that passes a build is forgiven.
    private func blame(_ host: String, _ fault: Fault?) {
        guard let fault, fault.class == .infrastructure else {
            hosts[host]?.failures = 0
            return
        }
        guard fault.code.blamesHost, var state = hosts[host] else { return }
        state.failures += 1
        state.lastFault = fault.reason
        state.quarantinedUntilMilliseconds =
            ports.environment.monotonicMilliseconds()
            + RetryPolicy.quarantineMilliseconds(failures: state.failures)
        hosts[host] = state
    }
}

extension AttemptEnd {
    /// Whether a test attempt that did not pass has spoken against its image, or nobody wants it
    /// any more. One that met a fault of its host has said nothing about it.
    var judgesImage: Bool { outcome.fault.map { $0.class != .infrastructure } ?? false }
}
