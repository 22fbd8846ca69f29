/// Whose status has to be sent, in an in-memory store.
struct InMemoryStatuses: Sendable {
    private var rows: [String: StatusObligation] = [:]

    func due(at milliseconds: Int64, limit: Int) -> [StatusObligation] {
        Array(
            rows.values.filter { DeliveryRules.isDue($0.notBeforeMilliseconds, at: milliseconds) }
                .sorted {
                    ($0.notBeforeMilliseconds, $0.build) < ($1.notBeforeMilliseconds, $1.build)
                }.prefix(limit))
    }

    mutating func owe(_ build: String) {
        let revision = rows[build].map { $0.revision + 1 } ?? 0
        rows[build] = StatusObligation(build: build, revision: revision)
    }

    mutating func postpone(_ status: StatusObligation) {
        if rows[status.build]?.revision == status.revision { rows[status.build] = status }
    }

    mutating func settle(_ status: StatusObligation) {
        if rows[status.build]?.revision == status.revision { rows[status.build] = nil }
    }
}
