import TextKit

/// The parts that pages are made of; `/style` shows them all.
enum HTML {
    static func buildLink(_ id: String, _ guestOS: String, _ number: Int) -> Markup {
        "<a href=\"/builds/\(id)\">\(guestOS):\(number)</a>"
    }

    /// - Parameter text: what people read; the state itself if it is `nil`.
    static func badge(_ state: String, _ text: String? = nil, _ look: StateLook? = nil) -> Markup {
        let look = look ?? StateLook.of(state)
        return "<span class=\"state \(look.rawValue)\"><span aria-hidden=\"true\">\(look.shape)"
            + "</span> \(text ?? state)</span>"
    }

    /// In UTC; `page.js` adds how long ago that is, and shows the reader's own zone on demand.
    /// - Parameter text: as the API writes times.
    static func time(_ text: String) -> Markup {
        // A row of an old database may lack its date.
        if text.utf8.starts(with: "1970-01-01".utf8) { return "-" }
        return "<time datetime=\"\(text)\">\(text.prefix(16).replacing("T", with: " "))</time>"
    }

    static func time(_ milliseconds: Int64) -> Markup { time(Time.text(milliseconds)) }

    static func table(_ heads: [Markup], _ rows: [[Markup]], empty: Markup) -> Markup {
        table(heads, rows.map { Row(cells: $0) }, empty: empty)
    }

    /// One row of a table.
    struct Row {
        /// What it is about, by which a live page knows it again.
        var key: String?
        var cells: [Markup]
    }

    /// On a narrow screen each row becomes a block, and each cell says which column it is of.
    static func table(_ heads: [Markup], _ rows: [Row], empty: Markup) -> Markup {
        if rows.isEmpty { return "<p class=\"empty\">\(empty)</p>" }
        let head = heads.map { name -> Markup in "<th scope=\"col\">\(name)</th>" }
        let body = rows.map { row -> Markup in
            let cells = zip(heads, row.cells).map { name, cell -> Markup in
                "<td data-column=\"\(name)\">\(cell)</td>"
            }
            let key: Markup = row.key.map { " data-key=\"\($0)\"" }.orNone
            return "<tr\(key)>\(cells.joined())</tr>"
        }
        return """
            <div class="wide"><table><thead><tr>\(head.joined())</tr></thead>
            <tbody>\(body.joined("\n"))</tbody></table></div>
            """
    }

    /// Names and values of one thing.
    static func facts(_ rows: [(name: Markup, value: Markup)]) -> Markup {
        let parts = rows.map { row -> Markup in "<dt>\(row.name)</dt><dd>\(row.value)</dd>" }
        return "<dl class=\"facts\">\(parts.joined())</dl>"
    }

    /// A part of a page that follows the farm.
    static func live(_ id: String, _ heading: Markup, _ body: Markup) -> Markup {
        """
        <section id="\(id)" data-live aria-labelledby="\(id)-heading">
        <h2 id="\(id)-heading">\(heading)</h2>\(body)</section>
        """
    }

    /// How full something is; the words beside it say the same.
    static func meter(_ used: Int, of total: Int, _ label: String) -> Markup {
        "<progress max=\"\(max(total, 1))\" value=\"\(min(max(used, 0), max(total, 1)))\" "
            + "aria-label=\"\(label)\"></progress>"
    }

    /// What `page.js` sends when it is pressed.
    /// - Parameters:
    ///   - path: of the API.
    ///   - body: what is sent as JSON.
    ///   - question: asked first; for what cannot be taken back.
    ///   - reason: the field of the body that a person is asked to fill in, and the question.
    static func action(
        _ title: String, post path: String, body: some Encodable = [String: String](),
        label: String? = nil, question: String? = nil,
        reason: (field: String, question: String)? = nil
    ) -> Markup {
        let body = (try? CanonicalJSON.text(body)) ?? "{}"
        let label: Markup = label.map { " aria-label=\"\($0)\"" }.orNone
        let question: Markup = question.map { " data-question=\"\($0)\"" }.orNone
        let reason: Markup =
            reason.map { " data-field=\"\($0.field)\" data-ask=\"\($0.question)\"" }.orNone
        return
            "<button type=\"button\" data-post=\"\(path)\" data-body=\"\(body)\"\(label)"
            + "\(question)\(reason)>\(title)</button>"
    }

    /// A form that works without a script.
    static func form(_ action: String, _ text: String) -> Markup {
        "<form class=\"inline\" method=\"post\" action=\"\(action)\">"
            + "<button>\(text)</button></form> "
    }

    /// Does not break at the end of a line.
    static func seconds(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e9).rounded())
        let text =
            switch whole {
            case ..<100: "\(whole) s"
            case ..<6000: "\(whole / 60) min \(whole % 60) s"
            default: "\(whole / 3600) h \(whole / 60 % 60) min"
            }
        return text.replacing(" ", with: "\u{A0}")
    }
}
