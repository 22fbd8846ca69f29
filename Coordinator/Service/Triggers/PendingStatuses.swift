import CoordinatorCore

/// What Git servers show of builds that wait, and when they may be sent another reason.
struct PendingStatuses {
    private struct Shown {
        var label: String
        var description: String
        var dueMilliseconds: Int64
        var pauseMilliseconds: Int64
    }

    private var shown: [String: Shown] = [:]

    /// The status of a build was sent.
    /// - Parameter now: by the monotonic clock.
    mutating func sent(
        _ status: CommitStatus, of build: Build, at now: Int64, _ limits: ServiceLimits
    ) {
        guard status.state == .pending else { return forget(build.id) }
        let before = shown[build.id]
        var pause = before?.pauseMilliseconds ?? limits.statusReasonMilliseconds
        if let before, before.description != status.description {
            pause = min(pause * 2, limits.statusReasonLongestMilliseconds)
        }
        shown[build.id] = Shown(
            label: "\(build.guestOS):\(build.number)", description: status.description,
            dueMilliseconds: now + pause, pauseMilliseconds: pause)
    }

    mutating func forget(_ build: String) { shown[build] = nil }

    /// Builds whose reason may be looked at, the longest waiting first.
    func due(at now: Int64, limit: Int) -> [String] {
        let due = shown.filter { $0.value.dueMilliseconds <= now }
        return due.sorted {
            ($0.value.dueMilliseconds, $0.key) < ($1.value.dueMilliseconds, $1.key)
        }
        .prefix(limit).map(\.key)
    }

    /// Whether the server shows something else. It is not asked again before the next pause.
    mutating func isOutdated(
        _ build: String, _ reason: String, at now: Int64, _ limits: ServiceLimits
    ) -> Bool {
        guard let known = shown[build] else { return false }
        shown[build]?.dueMilliseconds = now + limits.statusReasonMilliseconds
        return CommitStatus.waiting(known.label, reason) != known.description
    }
}
