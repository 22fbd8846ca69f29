import BuildProtocol
import CoordinatorCore
import CoordinatorService

/// What draining a host would do, as documented in docs/api.md.
struct DrainView: Encodable {
    struct Item: Encodable {
        var build, guestOS, stage: String
        var number: Int
        /// Whether another host could take it.
        var hasOtherHost: Bool

        init(_ build: Build, _ item: DrainPlan.Item) {
            self.build = build.id
            guestOS = build.guestOS
            number = build.number
            stage = item.stage.rawValue
            hasOtherHost = item.hasOtherHost
        }
    }

    var finishes, strands: [Item]
    /// When nothing runs there any more, or why nobody knows.
    var end: TimeRange?
    var endReason: String?

    init(_ report: DrainReport) {
        finishes = report.finishes.map { Item($0.0, $0.1) }
        strands = report.strands.map { Item($0.0, $0.1) }
        switch report.empty {
        case .range(let range, _): end = range
        case .unknown(let why): endReason = why
        }
    }
}
