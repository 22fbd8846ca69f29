/// A kind of data that grows while a farm works, and what bounds it. Everything else that a
/// coordinator stores is bounded by what people register.
public struct GrowingData: Sendable, Hashable {
    /// As in `/metrics` and docs/configuration.md.
    public var id: String
    public var place: Place
    /// What removes it, for people.
    public var rule: String

    public enum Place: Sendable, Hashable {
        /// `images/` in the web root.
        case images
        case logs
        case templateArchives
        case gitMirrors
        case table(String)
    }

    public static let all: [GrowingData] = [
        GrowingData("images", .images, "retention: good_images, minimum_free"),
        GrowingData("logs", .logs, "retention: good_images, failed_days"),
        GrowingData(
            "template_archives", .templateArchives,
            "removed with the logs of the last build that used it"),
        GrowingData("git_mirrors", .gitMirrors, "removed after 30 days without a build"),
        GrowingData("audit", .table("audit"), "retention: audit_days"),
        GrowingData(
            "deliveries", .table("deliveries"), "the newest 10000, of the last 30 days"),
        GrowingData(
            "commit_statuses", .table("commit_statuses"),
            "removed once they are sent, or given up after six hours"),
        GrowingData(
            "notifications", .table("notifications"), "removed after 7 days; not sent after one"),
        GrowingData("builds", .table("builds"), history),
        GrowingData("attempts", .table("attempts"), history),
        GrowingData("artifacts", .table("artifacts"), history),
        GrowingData("failures", .table("failures"), history),
        GrowingData("remote_images", .table("remote_images"), history),
        GrowingData("build_log", .table("build_log"), history),
        GrowingData("test_log", .table("test_log"), history),
        GrowingData("releases", .table("releases"), history),
        GrowingData("release_log", .table("release_log"), history),
    ]

    private static let history = "retention: history_days"

    private init(_ id: String, _ place: Place, _ rule: String) {
        self.id = id
        self.place = place
        self.rule = rule
    }
}
