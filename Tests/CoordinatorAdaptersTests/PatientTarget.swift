import CoordinatorAdapters
import CoordinatorCore
import Synchronization

/// A target as the service uses it: a fault that may pass is tried again, with what the try before
/// has noted. A real cloud on a busy machine errs now and then.
struct PatientTarget: ReleaseTarget {
    let base: OpenStackTarget
    private static let tries = 4

    init(hooksFolder: String? = nil) { base = OpenStackTarget(hooksFolder: hooksFolder) }

    func check(
        _ environment: ReleaseEnvironment, _ secret: Secret?
    ) async throws -> [EnvironmentFinding] {
        try await patiently { try await base.check(environment, secret) }
    }

    func release(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        let noted = Noted(steps, order.journal)
        return try await patiently {
            try await base.release(noted.order(order), noted)
        }
    }

    func rollBack(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        let noted = Noted(steps, order.journal)
        return try await patiently {
            try await base.rollBack(noted.order(order), noted)
        }
    }

    func abandon(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws {
        let noted = Noted(steps, order.journal)
        try await patiently { try await base.abandon(noted.order(order), noted) }
    }

    private func patiently<T>(_ body: () async throws -> T) async throws -> T {
        for _ in 1..<Self.tries {
            do { return try await body() } catch let fault as ReleaseFault {
                guard !fault.isPermanent else { throw fault }
            }
        }
        return try await body()
    }
}

/// The steps of a test, and the journal as it stands.
private final class Noted: ReleaseSteps {
    private let steps: any ReleaseSteps
    private let journal: Mutex<[String: String]>

    init(_ steps: any ReleaseSteps, _ journal: [String: String]) {
        self.steps = steps
        self.journal = Mutex(journal)
    }

    func order(_ order: ReleaseOrder) -> ReleaseOrder {
        var order = order
        order.journal = journal.withLock(\.self)
        return order
    }

    func record(_ journal: [String: String]) async throws {
        try await steps.record(journal)
        self.journal.withLock { $0 = journal }
    }

    func progress(_ what: String, doneBytes: Int64, totalBytes: Int64) async {
        await steps.progress(what, doneBytes: doneBytes, totalBytes: totalBytes)
    }

    func environment(named name: String) async throws -> (ReleaseEnvironment, Secret?) {
        try await steps.environment(named: name)
    }
}
