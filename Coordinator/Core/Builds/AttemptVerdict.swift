public import BuildProtocol

/// What follows the end of an attempt: the change of its build with the releases to queue, and
/// what the end says about its host.
public struct AttemptVerdict: Sendable, Hashable {
    /// Applied only if the attempt still owns the build.
    public var change: BuildChange
    /// Failed attempts of the stage that the build is in after the change.
    public var history: [AttemptFault]
    public var host: String
    /// What `HostHealth` records of the host; `nil` after an attempt that met no fault.
    public var fault: Fault?

    /// - Parameters:
    ///   - history: failed attempts of this stage so far, without this one.
    ///   - image: what the attempt published.
    ///   - isUnwanted: a cancel request came, before or during the attempt.
    ///   - newID: makes the ids of the releases.
    /// - Returns: `nil` if the build has no attempt.
    public init?(
        _ build: Build, _ end: AttemptEnd, image: PublishedImage?, history: [AttemptFault],
        isUnwanted: Bool, nowMilliseconds now: Int64, newID: () -> String
    ) {
        guard let owner = build.attempt, let host = build.host else { return nil }
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
        // Whatever else went wrong: a person no longer wanted it.
        let decisive =
            isUnwanted && fault.class != .cancelled
            ? Fault(.cancelled, .cancelled, "cancelled") : fault
        switch RetryPolicy.judge(decisive, history: history, now: change.atMilliseconds) {
        case .retry(let notBefore):
            change.to = .queued
            change.notBeforeMilliseconds = notBefore
            change.fault = fault
        case .end(.cancelled, _) where build.image != nil && !change.withdrawsImage:
            // The cancel request came with a fault of the host, so the image is still there. The
            // build waits, and its cancellation takes the image along.
            change.to = .queued
            change.fault = fault
        case .end(let state, let fault):
            change.to = state
            change.fault = fault
            if build.stage == .test, !change.withdrawsImage, let image = build.image {
                change.fault?.reason +=
                    "; nothing was found out about the image, which stays at \(image.path)"
            }
        }
    }

    /// What `release:` of `aibuild.yml` asks for once the image passed.
    private static func releases(
        of build: Build, nowMilliseconds: Int64, _ newID: () -> String
    ) -> [Release] {
        guard let plan = build.plan.release else { return [] }
        return plan.to.map { environment in
            Release(
                id: newID(), build: build, environment: environment,
                state: plan.when == .manual ? .awaitingApproval : .queued,
                requestedBy: "aibuild.yml", createdMilliseconds: nowMilliseconds)
        }
    }
}

extension AttemptEnd {
    /// Whether a test attempt that did not pass spoke against its image, or nobody wants the image
    /// any more. One that met a fault of its host says nothing about the image.
    public var rejectsImage: Bool {
        outcome.fault.map { $0.class != .infrastructure } ?? false
    }
}
