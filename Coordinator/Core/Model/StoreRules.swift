// Model rules that every store shares.

extension Build {
    public init(_ new: NewBuild, number: Int) {
        self.init(
            id: new.id, guestOSID: new.guestOSID, guestOS: new.guestOS, number: number,
            priority: new.priority, owner: new.owner, plan: new.plan,
            updateContents: new.updateContents, submittedMilliseconds: new.submittedMilliseconds)
    }
}

extension Attempt {
    public mutating func end(_ end: AttemptEnd, atMilliseconds: Int64) {
        endedMilliseconds = atMilliseconds
        leftHostMilliseconds = end.leftHostMilliseconds
        outcome = end.outcome
        logBytes = end.logBytes
        logSHA256 = end.logSHA256
        accelerator = end.accelerator
    }

    /// From the claim on; `nil` while it runs.
    public var duration: StageDuration? {
        endedMilliseconds.map { ended in
            StageDuration(
                startedMilliseconds: startedMilliseconds,
                leftHostMilliseconds: leftHostMilliseconds, endedMilliseconds: ended, host: host)
        }
    }
}
