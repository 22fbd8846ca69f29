import BuildProtocol
import CoordinatorCore
import CoordinatorService

struct RetentionView: Encodable {
    struct Item: Encodable {
        var build, guestOS, state, reason: String
        var number: Int
        var freesBytes: Int64
    }

    var policy: RetentionPolicy
    var freeBytes: Int64?
    /// Until then the policy only shows what it would remove.
    var beginsAt: String?
    var items: [Item]
    /// What could not be removed.
    var failures: [RetentionReport.Failure]?

    init(_ report: RetentionReport) {
        policy = report.policy
        freeBytes = report.freeBytes
        beginsAt = report.beginsMilliseconds.map(Time.text)
        failures = report.failures.isEmpty ? nil : report.failures
        items = report.choices.map { choice in
            Item(
                build: choice.build.id, guestOS: choice.build.guestOS,
                state: choice.build.state.rawValue, reason: choice.reason,
                number: choice.build.number, freesBytes: choice.build.imageBytes)
        }
    }
}
