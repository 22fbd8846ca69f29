/// Images go to an environment in the order of their builds. Without this, a release that waited
/// for its approval, or that a retried build requested late, would replace a newer image unseen.
public enum ReleaseSequence {
    /// What an environment has of a guest OS.
    /// - Parameter ended: the releases of the guest OS to it that succeeded.
    /// - Returns: `nil` if it has nothing by aibuild.
    public static func present(_ ended: some Collection<Release>) -> Release? {
        let newest = ended.filter { $0.state == .released }.max {
            ($0.endedMilliseconds ?? 0, $0.id) < ($1.endedMilliseconds ?? 0, $1.id)
        }
        // After the rollback of the first one, nothing is there: nothing was there before it.
        guard let newest, newest.action == .release || hasPredecessor(newest, ended) else {
            return nil
        }
        return newest
    }

    /// A rollback is of the build that it restores.
    private static func hasPredecessor(
        _ rollback: Release, _ ended: some Collection<Release>
    ) -> Bool {
        ended.contains {
            $0.state == .released && $0.action == .release && $0.build == rollback.build
        }
    }

    /// Whether a release would replace a newer image, and nobody asked for the older one.
    /// - Parameter newer: what is in the environment, or on its way there.
    public static func isOutOfOrder(_ release: Release, after newer: Release) -> Bool {
        release.action == .release && !release.isRequestedByPerson && release.id != newer.id
            && newer.guestOS == release.guestOS && newer.environment == release.environment
            && newer.buildNumber > release.buildNumber
    }

    /// A newer one that is on its way there; `nil` if none is.
    public static func newer(
        than release: Release, in live: some Collection<Release>
    ) -> Release? {
        live.filter {
            ($0.state == .queued || $0.state == .running) && $0.action == .release
                && $0.ending == nil && !$0.cancelRequested && isOutOfOrder(release, after: $0)
        }.max { $0.buildNumber < $1.buildNumber }
    }

    /// Why a release ends that a newer image has overtaken.
    public static func superseded(_ release: Release, by present: Release) -> String {
        "superseded: \(present.environment) has \(present.guestOS):\(present.buildNumber), "
            + "which is newer. To release the older image all the same: aibuild release "
            + "\(release.guestOS):\(release.buildNumber) --to \(release.environment)"
    }

    /// Why a release cannot be approved while a newer one is on its way.
    public static func overtaken(_ release: Release, by newer: Release) -> String {
        "the release of \(newer.guestOS):\(newer.buildNumber), which is newer, is on its way to "
            + "\(newer.environment) already. Wait until it has ended, or cancel it first: aibuild "
            + "release cancel \(newer.reference)"
    }
}
