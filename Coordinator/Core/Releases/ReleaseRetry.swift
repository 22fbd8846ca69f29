public import ErrorKit

/// What follows a failed attempt of a release.
public enum ReleaseRetry {
    public enum Verdict: Sendable, Hashable {
        case again(notBeforeMilliseconds: Int64)
        /// Clean up what is half done, then end in this state.
        case cleanUp(ReleaseState)
        case end(ReleaseState)
    }

    /// Tries before a release is given up: with the delays two and a half minutes, enough for a
    /// restart of a cloud's API.
    public static let tries = 6
    /// Tries to clean up: with the delays about eleven minutes. Who waits for a cloud that is away
    /// for longer would wait for hours, and knows what is left afterwards.
    public static let cleanUpTries = 8
    static let firstDelayMilliseconds: Int64 = 5_000
    static let longestDelayMilliseconds: Int64 = 10 * 60_000

    /// - Parameters:
    ///   - release: as it is now, with what its last attempt noted in the journal.
    ///   - isClean: whether it has left nothing in the environment. Then there is nothing to wait
    ///     for, and an environment that cannot be reached keeps nobody waiting.
    public static func judge(
        _ release: Release, _ fault: ReleaseFault, isClean: Bool, nowMilliseconds now: Int64
    ) -> Verdict {
        if let ending = release.ending {
            if isClean || release.tryCount >= cleanUpTries { return .end(ending) }
            return .again(notBeforeMilliseconds: now + delay(release.tryCount))
        }
        if release.cancelRequested { return giveUp(as: .cancelled, isClean) }
        if fault.code == .refused { return giveUp(as: .refused, isClean) }
        if fault.isPermanent || release.tryCount >= tries { return giveUp(as: .failed, isClean) }
        let next = now + delay(release.tryCount)
        // A try that could not begin in time would only delay the end.
        if let deadline = release.deadlineMilliseconds, next >= deadline {
            return .again(notBeforeMilliseconds: max(now, deadline))
        }
        return .again(notBeforeMilliseconds: next)
    }

    /// How a release that is not tried again goes on.
    public static func giveUp(as state: ReleaseState, _ isClean: Bool) -> Verdict {
        isClean ? .end(state) : .cleanUp(state)
    }

    private static func delay(_ attempts: Int) -> Int64 {
        var delay = firstDelayMilliseconds
        for _ in 1..<max(1, attempts) where delay < longestDelayMilliseconds { delay *= 2 }
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
    /// The time that its request gave it is over.
    case timedOut

    public var isPermanent: Bool { self != .failed }
}

extension ReleaseFault {
    /// As permanent as its cause.
    public init(_ message: String = "", because cause: any Error) {
        let isPermanent = (cause as? any ExplainedError)?.isPermanent ?? false
        self.init(isPermanent ? .rejected : .failed, message, cause: cause)
    }
}
