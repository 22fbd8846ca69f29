import HTTPTypes

/// Builds HTML in one place, so that all untrusted text is escaped.
enum HTML {
    /// By scalars: a combining mark or a format character joins the `<` next to it to one
    /// `Character`, which equals no `"<"`, while a browser still sees the `<`.
    static func escape(_ text: some StringProtocol) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;".unicodeScalars
            case "<": out += "&lt;".unicodeScalars
            case ">": out += "&gt;".unicodeScalars
            case "\"": out += "&quot;".unicodeScalars
            case "'": out += "&#39;".unicodeScalars
            default: out.append(scalar)
            }
        }
        return String(out)
    }

    /// A whole page around `body`, which is HTML.
    static func page(title: String, body: String, scripts: String...) -> String {
        let script = scripts.map { "<script src=\"/static/\($0)\" defer></script>" }.joined()
        return """
            <!doctype html><html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escape(title)) · aibuild</title>
            <link rel="stylesheet" href="/static/style.css">
            <link rel="icon" href="data:,">\(script)</head>
            <body><header><a href="/">aibuild</a> <a href="/releases">releases</a>
            <a href="/deliveries">deliveries</a> <a href="/retention">retention</a>
            <a href="/account">account</a></header>
            <main>\(body)</main></body></html>
            """
    }

    /// A page of the farm's own, the only thing here that a browser may run scripts for.
    static func response(_ html: String) -> HTTPResponse {
        .text(
            html, type: "text/html; charset=utf-8",
            headers: [
                // Guest output is untrusted: no inline script can run whatever slips through.
                "Content-Security-Policy": policy(formsTo: "'self'"),
                // Not `no-referrer`: browsers then say `Origin: null` of the page's own forms.
                "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
            ])
    }

    static func policy(formsTo addresses: String) -> String {
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            + "img-src 'self' data:; base-uri 'none'; form-action \(addresses); "
            + "frame-ancestors 'none'"
    }

    static func buildLink(_ id: String, _ guestOS: String, _ number: Int) -> String {
        "<a href=\"/builds/\(escape(id))\">\(escape("\(guestOS):\(number)"))</a>"
    }

    /// A state, coloured by the style sheet.
    /// - Parameter text: what people read; the state itself if it is `nil`.
    static func badge(_ state: String, _ text: String? = nil) -> String {
        "<b class=\"badge \(escape(state))\">\(escape(text ?? state))</b>"
    }

    /// - Parameter text: as the API writes times.
    static func time(_ text: String) -> String {
        // A row of an old database may lack its date.
        if text.utf8.starts(with: "1970-01-01".utf8) { return "-" }
        return "<time datetime=\"\(text)\">\(text.prefix(19).replacing("T", with: " "))</time>"
    }

    static func table(_ heads: [String], _ rows: [[String]], empty: String) -> String {
        if rows.isEmpty { return "<p class=empty>\(empty)</p>" }
        let head = heads.map { "<th>\($0)</th>" }.joined()
        let body = rows.map { "<tr>" + $0.map { "<td>\($0)</td>" }.joined() + "</tr>" }.joined()
        return "<table><thead><tr>\(head)</tr></thead><tbody>\(body)</tbody></table>"
    }
}

/// The style sheet and the scripts of the pages, embedded from `Assets/` at build time: small,
/// plain, no build step, no inline script anywhere.
enum StaticFiles {
    static let all: [String: (type: String, bytes: [UInt8])] = [
        "style.css": ("text/css; charset=utf-8", PackageResources.style_css),
        "overview.js": ("text/javascript; charset=utf-8", PackageResources.overview_js),
        "releases.js": ("text/javascript; charset=utf-8", PackageResources.releases_js),
        "terminal.js": ("text/javascript; charset=utf-8", PackageResources.terminal_js),
        "build.js": ("text/javascript; charset=utf-8", PackageResources.build_js),
    ]
}
