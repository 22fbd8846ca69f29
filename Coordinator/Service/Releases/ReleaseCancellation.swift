public import CoordinatorCore

/// Cancels releases, and lets go of what they cannot take back.
public struct ReleaseCancellation: Sendable {
    let ports: Ports
    let store: any ReleaseWriter
    let releases: Releases

    /// A release that waits ends at once, unless it has something to take back; one that runs stops
    /// as soon as its step can be left.
    /// - Throws: `Refusal` if it has ended.
    public func cancel(_ name: String, by actor: String) async throws -> Release {
        let release = try await ports.release(name)
        let entry = ports.auditEntry(actor, "release.cancel", of: release)
        guard let requested = try await store.recording(entry).requestCancel(release: release.id)
        else { throw ended(release) }
        if requested.ending != nil {
            // It takes back what it began already, which an interruption would only delay.
            await releases.updated(requested)
            return requested
        }
        if await releases.interrupt(requested) { return requested }
        // What was about to go may have changed it.
        let waiting = try await ports.release(requested.id)
        guard waiting.ending == nil, !waiting.state.isEnded else { return waiting }
        let change = try await ReleaseEnding(ports: ports).change(
            of: waiting, to: .cancelled,
            because: ReleaseFault(.cancelled, "cancelled by \(actor)"))
        guard let changed = try await store.apply(change) else { return waiting }
        await releases.take([changed])
        return changed
    }

    /// Ends a release whatever it does, without cleaning up: what it may have left is recorded with
    /// it.
    /// - Throws: `Refusal` if it has ended.
    public func abandon(_ name: String, by actor: String) async throws -> Release {
        let id = try await ports.release(name).id
        // What it notes meanwhile is to be in the list.
        for _ in 0..<ports.limits.changeTries {
            let release = try await ports.release(id)
            guard !release.state.isEnded else { throw ended(release) }
            let change = try await end(of: release, by: actor)
            let left = change.leftBehind ?? []
            let entry = ports.auditEntry(
                actor, "release.abandon", of: release,
                left.isEmpty ? "" : ": left there: " + left.joined(separator: ", "))
            guard let changed = try await store.recording(entry).apply(change) else { continue }
            await releases.abandoned(changed)
            return changed
        }
        throw Refusal(
            .conflict, "the release \(id) changes all the time: cancel it first, then abandon it")
    }

    private func end(of release: Release, by actor: String) async throws -> ReleaseChange {
        var change = ReleaseChange(
            release: release.id, from: [release.state],
            attempt: release.state == .running ? release.attemptCount : nil,
            to: release.ending ?? .cancelled, atMilliseconds: ports.clock.unixMilliseconds())
        if release.ending == nil {
            change.fault = RecordedFault(ReleaseFault(.cancelled, "abandoned by \(actor)"))
        }
        change.expectedJournal = release.journal
        change.leftBehind = try await ports.leftBehind(by: release)
        change.abandonedBy = actor
        return change
    }

    private func ended(_ release: Release) -> Refusal {
        Refusal(.conflict, "the release is \(release.state.rawValue) already")
    }
}
