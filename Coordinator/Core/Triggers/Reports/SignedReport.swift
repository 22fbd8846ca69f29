import BuildProtocol
import TextKit

/// What any program may send: `{"project": "team/images", "ref": "refs/heads/main",
/// "commit": "c0ffee…"}`.
struct SignedReport: Decodable {
    /// Path on the server of the hook, or the address of the repository.
    var project: String?
    /// `refs/heads/main` or `refs/tags/v1`.
    var ref: String?
    var commit: String?
    var default_branch: String?
    var message: String?

    static func read(_ report: SignedReport) throws(UnusedReport) -> GitReport {
        let path = try ReportedName.project(report.project)
        let (change, name) = try PushedRef.read(report.ref)
        return GitReport(
            change, project: path, ref: name,
            commit: try PushedRef.commit(report.commit, name),
            defaultBranch: report.default_branch, skip: SkipMark.find(in: report.message))
    }
}
