import BuildProtocol
import CoordinatorCore
import Support

extension Schedules {
    /// Does everything that is due for one guest OS.
    func run(_ id: String) async {
        guard let entry = board[id] else { return }
        let now = ports.clock.unixMilliseconds()
        if entry.isParentDue { await runParents(id) }
        if Task.isCancelled { return }
        if let due = board[id]?.scheduleDue(at: now, began: beganMilliseconds), due <= now {
            await runSchedule(id, at: now)
        }
        if Task.isCancelled { return }
        for kind in Watch.Kind.allCases {
            if let due = board[id]?.watchDue(kind, at: now, began: beganMilliseconds),
                due <= now
            {
                await look(kind, id)
            }
            if Task.isCancelled { return }
        }
        if let due = board[id]?.ageDue(at: now), due <= now { await runAge(id, at: now) }
    }

    private func runSchedule(_ id: String, at now: Int64) async {
        guard let entry = board[id], let schedule = entry.state.plan.schedule,
            let occasion = entry.occasion(at: now)
        else { return }
        let request = TriggerRequest(schedule, occasion, id)
        let delay = schedule.delayMilliseconds(ofGuestOS: id)
        await carryOut(request, id) { state, isNew in
            // All that were missed are one, unless the first of them was built in time.
            state.doneUntilMilliseconds = isNew ? max(occasion, now - delay) : occasion
        }
    }

    private func runAge(_ id: String, at now: Int64) async {
        guard let entry = board[id], let seconds = entry.state.plan.maxAgeSeconds else { return }
        do {
            let passed = try await Recent(entry.guestOS.name, ports).passed
            change(id) { $0.passedMilliseconds = .some(passed?.endedMilliseconds) }
            guard let due = board[id]?.ageDue(at: now), due <= now else { return }
            let request = TriggerRequest(ageSeconds: seconds, after: passed, entry.state)
            await carryOut(request, id) { state, _ in state.agedMilliseconds = now }
        } catch { retryLater(id) }
    }

    private func look(_ kind: Watch.Kind, _ id: String) async {
        guard let state = board[id]?.state, let watch = state.plan.watch(kind) else { return }
        let now = ports.clock.unixMilliseconds()
        switch await WatchLook(watch, state).seen(ports) {
        case .problem(let text): await looked(kind, id, at: now) { $0.problem = text }
        case .same(let sight):
            await looked(kind, id, at: now) {
                ($0.problem, $0[kind].mark) = (sight.problem, sight.mark)
            }
        case .changed(let request, let sight):
            await carryOut(request, id, waitsForBuild: true) { state, _ in
                state.problem = sight.problem
                state[kind] = WatchState(
                    mark: sight.mark, checkedMilliseconds: now, changedMilliseconds: now)
            }
        }
    }

    private func looked(
        _ kind: Watch.Kind, _ id: String, at now: Int64,
        _ change: @Sendable (inout TriggerState) -> Void
    ) async {
        let isStored = await update(id) { state in
            state[kind].checkedMilliseconds = now
            change(&state)
        }
        // Otherwise it would be due at once.
        if !isStored { retryLater(id) }
    }

    // MARK: Submission

    /// - Parameters:
    ///   - waitsForBuild: if a build is under way, it began before what asks for this one: another
    ///     one follows. Otherwise that build is enough.
    ///   - done: what is remembered, so that the occasion does not come again.
    func carryOut(
        _ request: TriggerRequest, _ id: String, waitsForBuild: Bool = false,
        _ done: @Sendable (inout TriggerState, _ isNew: Bool) -> Void
    ) async {
        guard let entry = board[id], let submission else { return }
        let result = await TriggerSubmission(ports: ports, submission: submission).submit(
            request, entry.guestOS
        ) { guestOS, plan, commit in
            await record(plan, commit: commit, of: guestOS)
        }
        if Task.isCancelled { return }
        let run = result.run(
            of: request, at: ports.clock.unixMilliseconds(), reasonBytes: ports.limits.reasonBytes)
        guard let run else {
            // The template asks for it no more; if that could not be recorded, it is due at once.
            if let entry = board[id], request.isWanted(entry.state.plan) { retryLater(id) }
            return
        }
        let isOver = result.isOver(waitsForBuild: waitsForBuild)
        let isStored = await update(id) { state in
            if isOver { done(&state, result.isNew) }
            if isOver || !run.isSame(as: state.last) { state.last = run }
        }
        if isOver, isStored {
            change(id) { $0.succeeded() }
        } else {
            retryLater(id)
        }
    }

    func retryLater(_ id: String) {
        change(id) { $0.retryLater(ports.limits, at: ports.clock.unixMilliseconds()) }
    }
}
