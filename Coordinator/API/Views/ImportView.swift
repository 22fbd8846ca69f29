import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// What an import did, or would do.
struct ImportView: Encodable {
    var dryRun: Bool
    var sheets: [RegistryPlan.Count]
    var notices: [String]
    var gitlab: [TemplateServerReport]

    init(_ report: ImportReport) {
        dryRun = report.isDryRun
        sheets = report.counts
        notices = report.notices
        gitlab = report.servers
    }
}

/// A problem as in RFC 9457, with each mistake in the file and its place.
struct ImportProblemView: Encodable {
    var type = "about:blank"
    var title = HTTPStatus.reason(422)
    var status = 422
    var detail: String
    var remedy = "Fix them, then import the file again"
    var problems: [ImportProblem]
    var moreProblems: Int
    var notices: [String]

    init(_ refusal: ImportRefusal) {
        let count = refusal.problems.count
        detail =
            (count == 1
                ? "There is a problem in the file" : "There are \(count) problems in the file")
            + ": nothing was imported"
        problems = refusal.problems.shown
        moreProblems = refusal.problems.more
        notices = refusal.notices
    }

    var response: HTTPResponse {
        get throws {
            var response = try HTTPResponse.json(self, status: status)
            response.headers.set("Content-Type", "application/problem+json")
            return response
        }
    }
}
