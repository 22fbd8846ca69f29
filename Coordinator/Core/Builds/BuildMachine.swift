public import BuildProtocol

/// The state machine of one attempt at the coordinator: an event goes in, effects come out. It
/// never waits and never fails; failures of effects come back as events.
///
///     dispatching → running → checking → collecting → publishing → ended
///
/// A test attempt has nothing to collect: it publishes by moving its image to the tested ones.
/// Every stage may go to `ended`, which is final. After a restart the machine can be created in any
/// stage, because each effect is idempotent.
public struct BuildMachine: Sendable {
    public enum Stage: Sendable, Hashable {
        /// Claimed in the store; the host has not answered `start` yet.
        case dispatching
        /// The attempt runs on the host.
        case running
        /// The result has arrived; the log is compared with the agent's digest.
        case checking(Finished)
        /// The artifacts are being pulled.
        case collecting(Finished)
        /// The image is being moved into the web root, or within it.
        case publishing(Finished)
        case ended
    }

    public private(set) var stage: Stage
    /// The plan of a test attempt.
    private let tests: TestPlan?
    /// Whether an image that passed its tests is moved to the tested ones.
    private let publishes: Bool
    public private(set) var cancelReason: String?
    /// Why the attempt is to leave its host, and the build to be queued anew.
    private var evictReason: String?
    private var isConnected = false
    private var rewinds = 0

    /// A digest that still differs after this many new transfers is a fault of the host.
    static let logRewinds = 3

    /// - Parameter tests: the plan of a test attempt.
    public init(
        stage: Stage = .dispatching, tests: TestPlan? = nil, publishes: Bool = true,
        cancelReason: String? = nil
    ) {
        self.stage = stage
        self.tests = tests
        self.publishes = publishes
        self.cancelReason = cancelReason
    }

    public mutating func handle(_ event: BuildEvent) -> [BuildEffect] {
        if stage == .ended { return [] }
        switch event {
        case .connected(let hasTemplate, let summary):
            return connected(hasTemplate: hasTemplate, summary: summary)
        case .disconnected:
            isConnected = false
            return cancelReason.map { abandon($0) } ?? evictReason.map { leave($0) } ?? []
        case .templateDelivered:
            return stage == .dispatching ? [.start] : []
        case .phase(let phase):
            return noted(phase)
        case .refused(let report):
            return refused(report)
        case .finished(let finished):
            switch stage {
            case .dispatching, .running:
                if let problem = finished.problem {
                    let why = "the agent reports \(problem): check the agent of this host"
                    return end(end(with: Fault(.infrastructure, .hostError, why)), nil)
                }
                let finished = sanitized(finished)
                stage = .checking(finished)
                return [.checkLog(finished)]
            default: return []
            }
        case .logIncomplete:
            guard case .checking = stage else { return [] }
            stage = .running
            return [.follow]
        case .logChecked(let matches):
            return logChecked(matches: matches)
        case .collected:
            guard case .collecting(let finished) = stage else { return [] }
            stage = .publishing(finished)
            return [.advance(.publishing), .publish(finished)]
        case .published(let image):
            guard case .publishing(let finished) = stage else { return [] }
            return end(AttemptEnd(finished), image)
        case .failed(let fault):
            // What is being published is here already; the host is no longer needed.
            if case .publishing = stage, fault.code == .hostLost { return [] }
            return end(end(with: fault), nil)
        case .superseded:
            stage = .ended
            return [.relinquish]
        case .cancel(let reason):
            return cancel(reason)
        case .evict(let reason):
            return evict(reason)
        }
    }

    // MARK: Events

    private mutating func connected(
        hasTemplate: Bool, summary: AttemptSummary?
    ) -> [BuildEffect] {
        isConnected = true
        switch stage {
        case .dispatching:
            if summary != nil {
                stage = .running
                return [.follow] + cancelIfRequested()
            }
            if let cancelReason { return abandon(cancelReason) }
            if let evictReason { return leave(evictReason) }
            return hasTemplate ? [.start] : [.deliverTemplate]
        case .running:
            guard summary != nil else { return lost() }
            return [.follow] + cancelIfRequested()
        case .checking, .collecting, .publishing, .ended:
            return []
        }
    }

    private mutating func noted(_ phase: Phase) -> [BuildEffect] {
        switch stage {
        case .dispatching:
            stage = .running
            return [.note(phase), .follow] + cancelIfRequested()
        case .running: return [.note(phase)]
        default: return []
        }
    }

    private mutating func refused(_ report: ErrorReport) -> [BuildEffect] {
        switch (report.code, stage) {
        case (.templateMissing, .dispatching): return [.deliverTemplate]
        case (.unknownAttempt, .running): return lost()
        case (.refused, .dispatching):
            return end(
                end(with: Fault(.infrastructure, .hostRefused, report.message)), nil)
        case (.internal, .dispatching), (.internal, .running):
            return end(end(with: Fault(.infrastructure, .hostError, report.message)), nil)
        default: return []
        }
    }

    private mutating func logChecked(matches: Bool) -> [BuildEffect] {
        guard case .checking(let finished) = stage else { return [] }
        guard matches else {
            rewinds += 1
            guard rewinds <= Self.logRewinds else {
                let why = "the log here differs from the host's after \(rewinds) transfers"
                return end(end(with: Fault(.infrastructure, .logMismatch, why)), nil)
            }
            stage = .running
            return [.resetLog, .follow]
        }
        // A cancel request that reached the host too late still outweighs an image.
        if let cancelReason, finished.outcome.passed {
            let fault = Fault(.cancelled, .cancelled, cancelReason)
            return end(AttemptEnd(finished, outcome: Outcome(fault: fault)), nil)
        }
        if let evictReason, cancelReason == nil, finished.outcome.fault?.class == .cancelled {
            return end(AttemptEnd(finished, outcome: Self.left(evictReason)), nil)
        }
        if let tests { return tested(finished, tests) }
        guard finished.outcome.passed, !finished.artifacts.isEmpty else {
            return end(AttemptEnd(finished), nil)
        }
        stage = .collecting(finished)
        return [.advance(.collecting), .collect(finished)]
    }

    /// Agent input is untrusted: only a test attempt has results, those of its cases, and no file
    /// of it is an image.
    private func sanitized(_ finished: Finished) -> Finished {
        var sanitized = finished
        guard let tests else {
            sanitized.tests = nil
            return sanitized
        }
        sanitized.tests = TestPlanning.accepted(finished.tests ?? [], in: tests)
        sanitized.artifacts = []
        sanitized.remoteImages = nil
        return sanitized
    }

    private mutating func tested(_ finished: Finished, _ tests: TestPlan) -> [BuildEffect] {
        guard finished.outcome.passed else { return end(AttemptEnd(finished), nil) }
        if let gap = TestPlanning.gap(finished.tests ?? [], in: tests) {
            let fault = Fault(.infrastructure, .hostError, gap)
            return end(AttemptEnd(finished, outcome: Outcome(fault: fault)), nil)
        }
        guard publishes else { return end(AttemptEnd(finished), nil) }
        stage = .publishing(finished)
        return [.advance(.publishing), .publish(finished)]
    }

    private mutating func cancel(_ reason: String) -> [BuildEffect] {
        cancelReason = reason
        switch stage {
        case .dispatching, .running:
            return isConnected ? [.sendCancel(reason)] : abandon(reason)
        case .checking, .ended: return []
        case .collecting, .publishing: return abandon(reason)
        }
    }

    /// What has left the host already is finished here.
    private mutating func evict(_ reason: String) -> [BuildEffect] {
        guard cancelReason == nil, evictReason == nil else { return [] }
        switch stage {
        case .dispatching, .running:
            evictReason = reason
            return isConnected ? [.sendCancel(reason)] : leave(reason)
        case .checking, .collecting, .publishing, .ended: return []
        }
    }

    // MARK: Ends

    private func cancelIfRequested() -> [BuildEffect] {
        (cancelReason ?? evictReason).map { [.sendCancel($0)] } ?? []
    }

    private static func left(_ reason: String) -> Outcome {
        Outcome(fault: Fault(.infrastructure, .hostRefused, reason))
    }

    /// The build is queued anew. The fence kills the attempt's processes when the host reconnects.
    private mutating func leave(_ reason: String) -> [BuildEffect] {
        end(AttemptEnd(outcome: Self.left(reason)), nil)
    }

    /// The build ends now. The fence kills the attempt's processes when the host reconnects.
    private mutating func abandon(_ reason: String) -> [BuildEffect] {
        end(end(with: Fault(.cancelled, .cancelled, reason)), nil)
    }

    private mutating func lost() -> [BuildEffect] {
        let why = "the host no longer knows the attempt: its state folder was lost or cleaned"
        return end(end(with: Fault(.infrastructure, .hostLost, why)), nil)
    }

    private func end(with fault: Fault) -> AttemptEnd {
        switch stage {
        case .checking(let finished), .collecting(let finished), .publishing(let finished):
            AttemptEnd(finished, outcome: Outcome(fault: fault))
        default: AttemptEnd(outcome: Outcome(fault: fault))
        }
    }

    private mutating func end(_ end: AttemptEnd, _ image: PublishedImage?) -> [BuildEffect] {
        stage = .ended
        return [.end(end, image)]
    }
}
