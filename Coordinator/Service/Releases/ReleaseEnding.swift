public import CoordinatorCore
import TextKit

/// How releases end that are not carried out any further: at once if they left nothing in their
/// environment, else after what is half-made is taken back.
struct ReleaseEnding: Sendable {
    let ports: Ports

    /// The next step of a release that waits, and that nobody wants any more or whose time is over.
    /// - Throws: `StoreError`
    func change(
        of waiting: Release, to end: ReleaseState, because fault: ReleaseFault
    ) async throws -> ReleaseChange {
        let isClean = try await ports.leftBehind(by: waiting).isEmpty
        var change = ReleaseChange(
            release: waiting.id, from: [.awaitingApproval, .queued], to: isClean ? end : .queued,
            atMilliseconds: ports.clock.unixMilliseconds())
        change.fault = RecordedFault(fault)
        if !isClean {
            change.ending = end
            change.notBeforeMilliseconds = 0
        }
        return change
    }

    /// Why a release ended that did not succeed in the time that its request gave it.
    func timeout(of release: Release) -> ReleaseFault {
        let seconds = release.timeoutSeconds ?? 0
        let last = release.fault.map { ". Its last try: \($0.description)" } ?? ""
        return ReleaseFault(
            .timedOut, "it did not succeed within \(DurationText.text(seconds)) (timeout)\(last)")
    }

    func withLeftovers(_ fault: RecordedFault?, _ left: [String], _ cause: ReleaseFault)
        -> RecordedFault
    {
        RecordedFault(
            ReleaseFault(
                .rejected,
                "\(fault?.description ?? "it failed"). Left there, because it could not be taken "
                    + "back in \(ReleaseRetry.cleanUpTries) tries: "
                    + "\(left.joined(separator: ", ")). Remove it by hand", cause: cause))
    }
}

extension Ports {
    /// What the release may have left in its environment, by its journal, a phrase for each thing.
    /// - Throws: `StoreError`
    public func leftBehind(by release: Release) async throws -> [String] {
        guard !release.journal.isEmpty else { return [] }
        guard let environment = try await store.environment(named: release.environment),
            let target = targets[environment.kind]
        else {
            // Nobody knows what the entries mean.
            return release.journal.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        }
        return target.leftBehind(by: release)
    }
}
