import CoordinatorCore
import TestSupport

/// An image service whose every response a test controls. It keeps one image for each guest OS, as
/// a cloud does under one name, and records what is half done.
actor FakeTarget: ReleaseTarget {
    enum Answer: Sendable {
        case success
        case fault(ReleaseFault)
        /// Cannot be reached: nothing is begun.
        case away
        /// Creates the image, and never returns by itself.
        case hang
    }

    private(set) var images: [String: String] = [:]
    private(set) var halfMade: Set<String> = []
    private(set) var calls: [String] = []
    private(set) var firstTries: [Bool] = []
    private(set) var atOnce = 0
    private(set) var mostAtOnce = 0
    private var answers: [Answer] = []
    private var abandonFaults = 0
    private let clock: ManualClock
    private var gate: Flag?
    private var passage: String?

    init(clock: ManualClock) { self.clock = clock }

    func answer(_ answers: Answer...) { self.answers = answers }
    func failAbandon(_ times: Int) { abandonFaults = times }
    func hold(until gate: Flag?) { self.gate = gate }
    /// Images pass through this environment, as those of Docker hosts through a registry.
    func pass(through environment: String) { passage = environment }

    func check(
        _ environment: ReleaseEnvironment, _ secret: Secret?
    ) async throws -> [EnvironmentFinding] {
        guard secret?.reveal != "wrong" else {
            throw ReleaseFault(.rejected, "the password is refused")
        }
        return [EnvironmentFinding(.ok, "answers")]
    }

    func release(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        calls.append("release \(order.environment.name)")
        firstTries.append(order.isFirstTry)
        atOnce += 1
        mostAtOnce = max(mostAtOnce, atOnce)
        defer { atOnce -= 1 }
        if case .away? = answers.first {
            answers.removeFirst()
            throw ReleaseFault(.failed, "connection refused")
        }
        if let passage { _ = try await steps.environment(named: passage) }
        var journal = order.journal
        // What an earlier attempt left is replaced.
        if let old = journal["image"] { halfMade.remove(old) }
        journal["image"] = "\(order.release)#\(calls.count)"
        let before = images[order.guestOS.name]
        if journal["before"] == nil, let before { journal["before"] = before }
        try await steps.record(journal)
        halfMade.insert(journal["image"] ?? "")
        await steps.progress("uploading", doneBytes: 1, totalBytes: 2)
        await gate?.wait()
        switch answers.isEmpty ? .success : answers.removeFirst() {
        case .success: break
        case .fault(let fault): throw fault
        case .away: throw ReleaseFault(.failed, "connection refused")
        case .hang: try await clock.sleep(untilMonotonicMilliseconds: .max)
        }
        halfMade.remove(journal["image"] ?? "")
        images[order.guestOS.name] = journal["image"]
        return ReleaseResult(remoteID: journal["image"] ?? "")
    }

    func rollBack(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        calls.append("rollback \(order.environment.name)")
        guard let before = order.journal["before"] else {
            throw ReleaseFault(.rejected, "nothing stood there before")
        }
        images[order.guestOS.name] = before
        return ReleaseResult(remoteID: before)
    }

    nonisolated func leftBehind(by release: Release) -> [String] {
        release.journal["image"].map { ["image \($0)"] } ?? []
    }

    func abandon(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws {
        calls.append("abandon \(order.environment.name)")
        if abandonFaults > 0 {
            abandonFaults -= 1
            throw ReleaseFault(.failed, "still away")
        }
        if let image = order.journal["image"] { halfMade.remove(image) }
    }
}
