import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// Finds guest OSes, hosts, environments and builds by what people call them.
enum SearchPage {
    /// Of each kind.
    private static let rows = 20
    private static let words = 100

    static func body(_ request: HTTPRequest, _ api: APIContext) async throws -> Markup {
        let text = String((request.query["q"] ?? "").prefix(words))
        let form: Markup = """
            <h1>Search</h1><form class="filter" action="/search" role="search">
            <label>Guest OS, host, environment, build <input name="q" type="search"
            value="\(text)" autofocus></label><button>Search</button></form>
            """
        guard !text.isEmpty else { return form }
        let found = try await find(text, api)
        return form
            + HTML.table(
                ["kind", "name"], found.map { [$0.kind, $0.link] },
                empty: "Nothing is called that. A build is found by its name "
                    + "(<code>debian12:7</code>) or the beginning of its id.")
    }

    private static func find(
        _ text: String, _ api: APIContext
    ) async throws -> [(kind: Markup, link: Markup)] {
        var found: [(Markup, Markup)] = []
        if let build = try? await api.build(text) {
            found.append(("build", HTML.buildLink(build.id, build.guestOS, build.number)))
        }
        let wanted = text.lowercased()
        var names: [String] = []
        try await api.ports.eachGuestOS { guestOS in
            if names.count < rows, guestOS.name.lowercased().contains(wanted) {
                names.append(guestOS.name)
            }
        }
        found += names.map { ("guest OS", GuestOSListPage.link($0)) }
        found += try await api.ports.store.hosts().map(\.name)
            .filter { $0.lowercased().contains(wanted) }.prefix(rows)
            .map { ("host", HostsPage.link($0)) }
        found += try await api.ports.store.environments().map(\.name)
            .filter { $0.lowercased().contains(wanted) }.prefix(rows)
            .map { ("environment", "<a href=\"/releases\">\($0)</a>") }
        return found
    }
}
