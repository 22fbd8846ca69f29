public import ErrorKit

/// What follows a failed attempt of a release.
public enum ReleaseRetry {
    public enum Verdict: Sendable, Hashable {
        case again(notBeforeMilliseconds: Int64)
        /// Clean up what is half done, then end in this state.
        case abandon(ReleaseState)
        case end(ReleaseState)
    }

    /// Attempts before a release is given up: with the delays about five minutes, enough for a
    /// restart of a cloud's API.
    static let tries = 6
    /// Attempts to clean up: with the delays about two hours.
    static let abandonTries = 18
    static let firstDelayMilliseconds: Int64 = 5_000
    static let longestDelayMilliseconds: Int64 = 10 * 60_000

    public static func judge(
        _ release: Release, _ fault: ReleaseFault, nowMilliseconds now: Int64
    ) -> Verdict {
        if let ending = release.ending {
            return release.attemptCount >= abandonTries
                ? .end(ending) : .again(notBeforeMilliseconds: now + delay(release.attemptCount))
        }
        if release.cancelRequested { return .abandon(.cancelled) }
        if fault.code == .refused {
            // Each effect is in the journal before it begins.
            return release.journal.isEmpty ? .end(.refused) : .abandon(.refused)
        }
        if fault.isPermanent || release.attemptCount >= tries { return .abandon(.failed) }
        return .again(notBeforeMilliseconds: now + delay(release.attemptCount))
    }

    private static func delay(_ attempts: Int) -> Int64 {
        var delay = firstDelayMilliseconds
        for _ in 1..<max(2, attempts) where delay < longestDelayMilliseconds { delay *= 2 }
        return min(delay, longestDelayMilliseconds)
    }
}

/// Why a release did not succeed: what happened, to what, and what to do.
public typealias ReleaseFault = CodedError<ReleaseFaultCode>

public enum ReleaseFaultCode: FailureCode {
    /// The image, the environment or its settings have to be changed first.
    case rejected
    /// The policy of the environment does not allow it.
    case refused
    /// The environment cannot be reached, or did not finish: the next try may succeed.
    case failed
    case cancelled

    public var isPermanent: Bool { self != .failed }
}

extension ReleaseFault {
    /// As permanent as its cause.
    public init(_ message: String = "", because cause: any Error) {
        let isPermanent = (cause as? any ExplainedError)?.isPermanent ?? false
        self.init(isPermanent ? .rejected : .failed, message, cause: cause)
    }
}
