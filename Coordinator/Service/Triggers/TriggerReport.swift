public import CoordinatorCore

/// What builds a guest OS without a push or a person, for people.
public struct TriggerReport: Sendable {
    public var guestOS: String
    public var plan: TriggerPlan
    /// When it is built next, by its schedule or its age; `nil`: not known.
    public var nextMilliseconds: Int64?
    public var last: TriggerRun?
    public var baseImageCheckedMilliseconds: Int64?
    public var packagesCheckedMilliseconds: Int64?
    public var problem: String?

    /// As it is stored, without what only the leader knows; `nil` if there is nothing to say.
    public init?(_ guestOS: GuestOS, _ state: TriggerState) {
        if state.plan.isEmpty, state.problem == nil { return nil }
        self.guestOS = guestOS.name
        plan = state.plan
        last = state.last
        baseImageCheckedMilliseconds = state.baseImageCheckedMilliseconds
        packagesCheckedMilliseconds = state.packages?.checkedMilliseconds
        problem = state.problem
    }
}

extension TriggerBoard {
    func report(_ entry: TriggerEntry, at now: Int64, began: Int64) -> TriggerReport? {
        guard var report = TriggerReport(entry.guestOS, entry.state) else { return nil }
        report.nextMilliseconds = entry.nextRun(at: now, began: began)
        report.problem = problem(of: entry)
        return report
    }

    /// By the next run, then by name.
    func upcoming(
        after: String?, limit: Int, at now: Int64, began: Int64
    ) -> [TriggerReport] {
        let order = all.filter { !$0.state.plan.isEmpty || $0.state.problem != nil }
            .map { (next: $0.nextRun(at: now, began: began) ?? .max, name: $0.guestOS.name) }
            .sorted { ($0.next, $0.name) < ($1.next, $1.name) }
        let last = after.flatMap { name in order.firstIndex { $0.name == name } }
        return order[(last.map { $0 + 1 } ?? 0)...].prefix(limit).compactMap { item in
            entry(named: item.name).flatMap { report($0, at: now, began: began) }
        }
    }
}
