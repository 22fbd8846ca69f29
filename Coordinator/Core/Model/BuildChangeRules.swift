import BuildProtocol

/// The effect of a change on a build: the one place where tokens and states are checked, in every
/// store.
extension BuildChange {
    public func effect(on build: Build) -> ChangeEffect<Build> {
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
        if withdrawsImage { changed.image = nil }
        if let stage { changed.stage = stage }
        // A stage that passed has no fault.
        changed.fault =
            to == .passed || changed.stage != build.stage ? fault : fault ?? build.fault
        if to.isEnded { changed.endedMilliseconds = atMilliseconds }
        return .changed(changed)
    }

    public enum BuildLogChange: Sendable, Hashable {
        case insert(BuildLogEntry)
        /// The image was moved, or withdrawn if the URL is empty.
        case move(id: String, getURL: String)
    }

    /// The change of the build's row of `build_log`; `nil` if there is none.
    ///
    /// - Parameter before: the build before the change.
    public func buildLogChange(_ before: Build) -> BuildLogChange? {
        if withdrawsImage, before.image != nil { return .move(id: before.id, getURL: "") }
        guard let image else { return nil }
        if before.image != nil { return .move(id: before.id, getURL: image.url) }
        return .insert(
            BuildLogEntry(
                id: before.id, imageName: image.name, guestOSID: before.guestOSID,
                guestOSName: before.guestOS,
                // The historic column holds whole seconds.
                builtMilliseconds: atMilliseconds / 1000 * 1000,
                updateContents: before.updateContents, getURL: image.url))
    }

    /// The rows of `test_log` that the change adds. An attempt that met a host fault or was
    /// cancelled has no results.
    public func testRecords(_ build: Build) -> [TestRecord] {
        guard let owner, let end, let tests = build.plan.tests else { return [] }
        if let fault = end.outcome.fault, fault.class != .template { return [] }
        return end.tests.enumerated().map { index, result in
            TestRecord(
                id: TestRecord.id(owner, index), build: build.id,
                caseID: tests.plan.cases.first { $0.name == result.name }?.id,
                attempt: owner, imageName: build.image?.name ?? build.imageName, result: result,
                testedMilliseconds: atMilliseconds / 1000 * 1000)
        }
    }

    private func isAllowed(on build: Build) -> Bool {
        // A queued or ended build still names its last attempt, which no longer owns it.
        let current = build.state == .queued || build.state.isEnded ? nil : build.attempt
        return from.contains(build.state) && current == owner && build.state.mayBecome(to)
    }

    private func hasBeenApplied(to build: Build) -> Bool {
        guard build.state == to, !to.isEnded || build.endedMilliseconds == atMilliseconds else {
            return false
        }
        if let begin { return build.attempt == begin.token }
        return owner == nil ? to.isEnded : build.attempt == owner
    }
}
