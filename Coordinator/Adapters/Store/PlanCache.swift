import CoordinatorCore
import Synchronization

/// The plans of the builds that are being read. Builds of one commit share a plan: of a hundred
/// thousand builds it is decoded, and held in memory, a few times.
final class PlanCache: Sendable {
    private let plans = Mutex<[String: BuildPlan]>([:])

    func plan(_ text: String) throws -> BuildPlan {
        if let known = plans.withLock({ $0[text] }) { return known }
        let plan = try StoredJSON.decode(BuildPlan.self, text)
        plans.withLock { plans in
            if plans.count >= StoreLimits.plans { plans.removeAll() }
            plans[text] = plan
        }
        return plan
    }

    func clear() { plans.withLock { $0.removeAll() } }
}
