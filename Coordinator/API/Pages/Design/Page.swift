import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// A page of the farm's own, the only thing here that a browser may run scripts for.
struct Page {
    var title: String
    var body: Markup
    /// Beside those of all pages.
    var styles: [StaticFile] = []
    var scripts: [StaticFile] = []
    /// Whether parts of it (`data-live`) follow the farm.
    var isLive = false
    /// Of forms that lead to another site.
    var formsTo = "'self'"

    private static let places: [(path: String, name: String)] = [
        ("/", "Farm"), ("/guestos", "Guest OSes"), ("/hosts", "Hosts"),
        ("/releases", "Releases"), ("/deliveries", "Deliveries"), ("/retention", "Retention"),
        ("/audit", "Audit"),
    ]

    /// - Parameters:
    ///   - request: what it answers.
    ///   - now: when the page was made, which it says.
    func response(to request: HTTPRequest, now: Int64) -> HTTPResponse {
        .text(
            html(request, now: now).html, type: "text/html; charset=utf-8",
            headers: [
                // Guest output is untrusted: no inline script can run whatever slips through.
                "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
                    + "style-src 'self'; connect-src 'self'; img-src 'self' data:; "
                    + "base-uri 'none'; form-action \(formsTo); frame-ancestors 'none'",
                // Not `no-referrer`: browsers then say `Origin: null` of the page's own forms.
                "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
            ])
    }

    private func html(_ request: HTTPRequest, now: Int64) -> Markup {
        let styles = ([.style] + styles).map { file -> Markup in
            "<link rel=\"stylesheet\" href=\"\(file.path)\">"
        }
        let scripts = ([.page] + scripts).map { file -> Markup in
            "<script src=\"\(file.path)\" defer></script>"
        }
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title) · aibuild</title>
            \(styles.joined())
            <link rel="icon" href="\(Self.icon)">\(scripts.joined())</head>
            <body><a class="skip" href="#main">Skip to the content</a>
            \(header(request, now: now))
            <main id="main" tabindex="-1">\(body)</main></body></html>
            """
    }

    /// A square of one colour, so that no browser asks for `/favicon.ico`.
    private static let icon =
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
        + "%3Crect width='16' height='16' rx='4' fill='%231a5fb4'/%3E"
        + "%3Cpath d='M4 11V8l4-4 4 4v3z' fill='%23fff'/%3E%3C/svg%3E"

    private func header(_ request: HTTPRequest, now: Int64) -> Markup {
        let sender = request.sender as? Caller
        guard let sender else {
            return "<header class=\"top\"><a class=\"brand\" href=\"/\">aibuild</a></header>"
        }
        let links = Self.places.map { place -> Markup in
            let isHere =
                request.path == place.path
                || place.path != "/" && request.path.hasPrefix(place.path + "/")
            let current: Markup = isHere ? " aria-current=\"page\"" : ""
            return "<a href=\"\(place.path)\"\(current)>\(place.name)</a>"
        }
        let account: Markup =
            sender.way == .nobody
            ? "<a href=\"/sign-in?to=\(PercentCoding.encode(request.path))\">Sign in</a>"
            : "<a href=\"/account\" title=\"Your account\">\(sender.name)</a>"
        return """
            <header class="top"><a class="brand" href="/">aibuild</a>
            <nav aria-label="Pages">\(links.joined(" "))</nav>
            <form class="search" action="/search" role="search"><input name="q" type="search"
            placeholder="Search" aria-label="Search"></form>
            <span class="right">\(connection(now)) \(account)</span></header>
            """
    }

    /// What the page says of itself: how old it is, until `page.js` takes over.
    private func connection(_ now: Int64) -> Markup {
        let clock = Time.text(now).dropFirst(11).prefix(8)
        let live: Markup = isLive ? " data-events=\"/api/v1/events\"" : ""
        return """
            <span id="connection" role="status"\(live)>as of \(clock) UTC</span>
            <noscript><a href="">Reload</a></noscript>
            """
    }
}

extension APIContext {
    func page(_ page: Page, _ request: HTTPRequest) -> HTTPResponse {
        page.response(to: request, now: ports.clock.unixMilliseconds())
    }
}
