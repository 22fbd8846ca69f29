import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// `GET /badge/<guest OS>.svg`: the state of the newest build that counts, for READMEs. Anybody may
/// see it: a browser that shows a README sends no token.
enum BadgeRoutes {
    static let prefix = "/badge/"
    private static let ending = ".svg"
    /// Builds that are looked through for one that has ended and is not of a merge request.
    private static let builds = 50

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", prefix + "{name}") { _, path in
            let file = path["name"]
            guard file.utf8.reversed().starts(with: ending.utf8.reversed()) else {
                throw Problem.notFound(
                    "There is no badge \(Names.quoted(file))",
                    remedy: "Use /badge/GUESTOS.svg")
            }
            let name = String(Substring(file.utf8.dropLast(ending.utf8.count)))
            let guestOS = try await api.ports.guestOS(named: name)
            let newest = try await api.ports.store.builds(
                BuildFilter(guestOS: guestOS.name, states: [.passed, .failed]), limit: builds
            ).first { $0.plan.isPublished && $0.plan.change == nil }
            let (word, colour) =
                switch newest?.state {
                case .passed: ("passed", "#2e7d32")
                case .failed: ("failed", "#c62828")
                default: ("no build", "#616161")
                }
            let value = newest.map { "\($0.number) \(word)" } ?? word
            return .text(
                svg(guestOS.name, value, colour), type: "image/svg+xml",
                headers: ["Cache-Control": "no-cache, max-age=60"])
        }
    }

    /// Characters of the label that are shown.
    private static let columns = 60
    /// Of one character of 11 px Verdana or its like, rounded up.
    private static let pixelsPerColumn = 7
    private static let padding = 12

    private static func svg(_ label: String, _ value: String, _ colour: String) -> String {
        let label = String(label.prefix(columns))
        let left = label.count * pixelsPerColumn + padding
        let right = value.count * pixelsPerColumn + padding
        let image: Markup = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(left + right)" height="20" \
            role="img" aria-label="\(label): \(value)"><title>\(label): \(value)</title>\
            <rect width="\(left)" height="20" fill="#424242"/>\
            <rect x="\(left)" width="\(right)" height="20" fill="\(colour)"/>\
            <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" \
            text-anchor="middle"><text x="\(left / 2)" y="14">\(label)</text>\
            <text x="\(left + right / 2)" y="14">\(value)</text></g></svg>
            """
        return image.html
    }
}
