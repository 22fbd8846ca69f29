public import BuildProtocol

/// What the session is to do, in this order. Each effect is idempotent.
public enum BuildEffect: Sendable, Hashable {
    case deliverTemplate
    case start
    /// From the size of the log that is stored here.
    case follow
    case sendCancel(String)
    case note(Phase)
    case checkLog(Finished)
    case resetLog
    case advance(BuildState)
    case collect(Finished)
    case publish(Finished)
    /// Another attempt or coordinator owns the build: touch nothing of it.
    case relinquish
    /// Record the end, decide about a retry, then let the agent forget the attempt.
    case end(AttemptEnd, PublishedImage?)

    /// Moves data or waits for a host: a coordinator that is stopping does not start it.
    public var isLong: Bool {
        switch self {
        case .deliverTemplate, .start, .follow, .sendCancel, .checkLog, .collect, .publish: true
        case .note, .resetLog, .advance, .relinquish, .end: false
        }
    }
}

extension AttemptEnd {
    init(_ finished: Finished, outcome: Outcome? = nil) {
        self.init(
            outcome: outcome ?? finished.outcome, logBytes: finished.logBytes,
            logSHA256: finished.logSHA256, accelerator: finished.accelerator,
            artifacts: finished.artifacts, evidence: finished.evidence,
            tests: finished.tests ?? [], remoteImages: finished.remoteImages ?? [])
    }
}
