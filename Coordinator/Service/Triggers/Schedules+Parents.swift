import BuildProtocol
import CoordinatorCore

/// Builds for new images of parents.
///
/// A child is due if the newest image of one of its parents is not the one that it was built for.
/// It waits while anything that it is built on is being built or is about to be, so that it is
/// built once for a change that reaches it by several ways.
extension Schedules {
    /// A build has ended.
    func ended(_ build: Build) {
        guard ports.timeZones != nil, build.plan.isTheGuestOS else { return }
        change(build.guestOSID) { entry in
            if build.state == .passed { entry.passedMilliseconds = build.endedMilliseconds }
            // It may have waited for this build.
            entry.isParentDue = !entry.state.plan.parents.isEmpty
        }
        lookAtChildren(of: build.guestOS)
    }

    private func lookAtChildren(of name: String) {
        for descendant in board.descendants(of: name) {
            change(descendant) { $0.isParentDue = true }
        }
    }

    func runParents(_ id: String) async {
        // While its family is read, what it would wait for may end: that must find it waiting.
        change(id) { ($0.isParentDue, $0.isWaiting) = (false, true) }
        guard let entry = board[id], board.cycle(from: entry.guestOS.name) == nil else { return }
        do {
            let family = try await Family(of: entry, board, ports)
            if Task.isCancelled { return }
            if family.step != .wait { change(id) { $0.isWaiting = false } }
            if let step = family.step { await take(step, id) }
        } catch {
            change(id) { $0.isParentDue = true }
            retryLater(id)
        }
        // They may have waited for whether this one is built.
        if let name = board[id]?.guestOS.name { lookAtWaiting(for: name) }
    }

    private func lookAtWaiting(for name: String) {
        for child in board.descendants(of: name) where board[child]?.isWaiting ?? false {
            change(child) { $0.isParentDue = true }
        }
    }

    private func take(_ step: Family.Step, _ id: String) async {
        switch step {
        case .wait: break
        case .begin(let parents):
            if await update(id, { $0.parentBuilds = parents }) {
                // With a new image of another parent, it is due already.
                change(id) { $0.isParentDue = true }
            } else {
                change(id) { $0.isParentDue = true }
                retryLater(id)
            }
        case .refuse(let why, let cause):
            let run = TriggerRun(
                atMilliseconds: ports.clock.unixMilliseconds(), cause: cause, outcome: .skipped,
                reason: why)
            await update(id) { state in
                if state.last?.reason != why || state.last?.cause != cause { state.last = run }
            }
        case .build(let cause, let parents):
            let request = TriggerRequest(parents: parents, cause: cause, id)
            await carryOut(request, id, waitsForBuild: true) { state, _ in
                state.parentBuilds = parents
            }
            // Until it has been carried out.
            if board[id]?.state.parentBuilds != parents { change(id) { $0.isParentDue = true } }
        }
    }
}
