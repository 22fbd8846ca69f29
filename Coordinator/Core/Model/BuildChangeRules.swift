import BuildProtocol

/// What a change means for a build: the one place where tokens fence and states are checked,
/// whichever store keeps the rows.
extension BuildChange {
    public enum Effect: Sendable, Hashable {
        /// The build as the change leaves it.
        case changed(Build)
        /// The change took effect before: its first answer was lost on the way. Said so that a
        /// caller may repeat it.
        case applied
        /// Another state, or another attempt owns the build: nothing is changed.
        case refused
    }

    public func effect(on build: Build) -> Effect {
        guard isAllowed(on: build) else { return hasBeenApplied(to: build) ? .applied : .refused }
        var changed = build
        changed.state = to
        if let begin {
            changed.attempt = begin.token
            changed.host = begin.host
            changed.attemptCount += 1
            changed.startedMilliseconds = build.startedMilliseconds ?? begin.startedMilliseconds
        }
        if let notBeforeMilliseconds { changed.notBeforeMilliseconds = notBeforeMilliseconds }
        if let image { changed.image = image }
        changed.fault = to == .passed ? nil : fault ?? build.fault
        if to.isEnded { changed.endedMilliseconds = atMilliseconds }
        return .changed(changed)
    }

    /// The row of `build_log` that the change makes, if it publishes an image.
    public func buildLogEntry(_ build: Build) -> BuildLogEntry? {
        guard let image else { return nil }
        return BuildLogEntry(
            id: build.id, imageName: image.name, guestOSID: build.guestOSID,
            // The historic column holds whole seconds.
            builtMilliseconds: atMilliseconds / 1000 * 1000,
            updateContents: build.updateContents, getURL: image.url)
    }

    private func isAllowed(on build: Build) -> Bool {
        // While a build waits or has ended no attempt owns it, though it remembers the last one.
        let current = build.state == .queued || build.state.isEnded ? nil : build.attempt
        return from.contains(build.state) && current == owner
    }

    private func hasBeenApplied(to build: Build) -> Bool {
        guard build.state == to, !to.isEnded || build.endedMilliseconds == atMilliseconds else {
            return false
        }
        if let begin { return build.attempt == begin.token }
        return owner == nil ? to.isEnded : build.attempt == owner
    }
}
