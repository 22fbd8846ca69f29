public import BuildProtocol

/// What follows the end of an attempt: the change of its build, the releases to queue, and what the
/// end says about its host.
public struct AttemptVerdict: Sendable, Hashable {
    /// Applied only if the attempt still owns the build.
    public var change: BuildChange
    /// Failed attempts of the build's stage after the change.
    public var history: [AttemptFault]
    public var host: String
    /// What `HostHealth` records about the host; `nil` if the attempt met no fault.
    public var fault: Fault?

    /// - Parameters:
    ///   - history: failed attempts of this stage so far, without this one.
    ///   - image: what the attempt published.
    ///   - isUnwanted: a cancel request came before or during the attempt.
    ///   - newID: creates the ids of the releases.
    /// - Returns: `nil` if the build has no attempt.
    public init?(
        _ build: Build, _ end: AttemptEnd, image: PublishedImage?, history: [AttemptFault],
        isUnwanted: Bool, nowMilliseconds now: Int64, newID: () -> String
    ) {
        guard let owner = build.attempt, let host = build.host else { return nil }
        var end = end
        if end.outcome.passed, image == nil, build.stage == .build, build.state != .building {
            // Before the coordinator was restarted, there were some to collect.
            let why = "the agent no longer reports the artifacts: check the agent of this host"
            end.outcome = Outcome(fault: Fault(.infrastructure, .hostError, why))
        }
        var change = BuildChange(
            build: build.id, from: [.building, .collecting, .publishing, .testing], owner: owner,
            to: .passed, atMilliseconds: now, end: end, image: image)
        change.withdrawsImage = build.stage == .test && end.rejectsImage
        var history = history
        if let fault = end.outcome.fault {
            history.append(AttemptFault(host: host, fault: fault))
            Self.apply(fault, build, history, isUnwanted: isUnwanted, to: &change)
        } else if build.stage == .build, image != nil, build.plan.tests != nil {
            change.to = .queued
            change.stage = .test
            change.notBeforeMilliseconds = 0
            history = []
        }
        if change.to == .passed {
            change.releases = Self.releases(of: build, nowMilliseconds: now, newID)
        }
        self.change = change
        self.history = history
        self.host = host
        fault = end.outcome.fault
    }

    private static func apply(
        _ fault: Fault, _ build: Build, _ history: [AttemptFault], isUnwanted: Bool,
        to change: inout BuildChange
    ) {
        // A cancel request outweighs any other fault.
        let decisive =
            isUnwanted && fault.class != .cancelled
            ? Fault(.cancelled, .cancelled, "cancelled") : fault
        let judgement = RetryPolicy.judge(
            decisive, history: history, retries: build.plan.retries, now: change.atMilliseconds)
        switch judgement {
        case .retry(let notBefore):
            change.to = .queued
            change.notBeforeMilliseconds = notBefore
            change.fault = fault
        case .end(.cancelled, _) where build.image != nil && !change.withdrawsImage:
            // The cancel request came together with a fault of the host, so the image still exists.
            // The build is queued, and its cancellation withdraws the image.
            change.to = .queued
            change.fault = fault
        case .end(let state, let fault):
            change.to = state
            change.fault = fault
            if build.stage == .test, !change.withdrawsImage,
                let image = change.image ?? build.image
            {
                change.fault?.reason +=
                    "; the image could not be tested and is kept at \(image.path)"
            }
        }
    }

    /// The releases that `release:` of `aibuild.yml` requests once the image has passed.
    private static func releases(
        of build: Build, nowMilliseconds: Int64, _ newID: () -> String
    ) -> [Release] {
        guard build.plan.isPublished, let plan = build.plan.release else { return [] }
        return plan.to.map { environment in
            Release(
                id: newID(), build: build, environment: environment,
                state: plan.when == .manual ? .awaitingApproval : .queued,
                requestedBy: "aibuild.yml", createdMilliseconds: nowMilliseconds)
        }
    }
}

extension AttemptEnd {
    /// - Parameter milliseconds: when its slot on the host was free; `nil` if nobody noticed.
    public func left(at milliseconds: Int64?) -> AttemptEnd {
        var end = self
        end.leftHostMilliseconds = milliseconds
        return end
    }

    /// Whether a test attempt failed because of its image, or the image is no longer wanted. One
    /// that met a fault of its host says nothing about the image.
    public var rejectsImage: Bool {
        outcome.fault.map { $0.class != .infrastructure } ?? false
    }
}

/// One failed attempt, as the retry policy sees it.
public struct AttemptFault: Sendable, Hashable {
    public var host: String
    public var fault: Fault

    public init(host: String, fault: Fault) {
        self.host = host
        self.fault = fault
    }
}

extension [AttemptFault] {
    /// The failed attempts of the build's current stage; each stage counts its own.
    ///
    /// - Parameter attempts: those of the build, oldest first.
    public init(_ attempts: [Attempt], of build: Build) {
        self = attempts.compactMap { attempt in
            guard attempt.stage == build.stage, let fault = attempt.outcome?.fault else {
                return nil
            }
            return AttemptFault(host: attempt.host, fault: fault)
        }
    }
}
