import HTTPTypes
import Support

/// A problem as the client reads it: a page for a person who follows a link, JSON for the rest.
enum ProblemPage {
    static func response(_ problem: Problem, _ request: HTTPRequest) -> HTTPResponse {
        guard SignInPage.isForPerson(request) else {
            return problem.response
        }
        let remedy = problem.remedy.map { remedy -> Markup in "<p>\(remedy)</p>" }
        let page = Page(
            title: problem.title,
            body: "<h1>\(problem.title)</h1><p>\(problem.detail)</p>\(remedy)"
                + "<p><a href=\"/\">The farm</a></p>")
        var response = page.response(to: request, now: Clocks.unixMilliseconds())
        response.status = problem.status
        for (name, value) in problem.headers.fields { response.headers.set(name, value) }
        return response
    }
}

extension String {
    /// Whether an `Accept` field names HTML, which browsers do for what they navigate to, and no
    /// script or program does.
    var wantsHTML: Bool {
        lowercased().split(separator: ",").contains { part in
            part.split(separator: ";").first?.drop { $0 == " " } == "text/html"
        }
    }
}
