/// HTML. What is interpolated into it as text is escaped, so that only literals of this program and
/// other markup count as HTML, and nobody can forget it.
struct Markup: ExpressibleByStringInterpolation, Sendable, Hashable {
    let html: String

    static let none: Markup = ""

    init(stringLiteral value: String) { html = value }
    init(stringInterpolation: Interpolation) { html = stringInterpolation.html }
    fileprivate init(html: String) { self.html = html }

    struct Interpolation: StringInterpolationProtocol {
        fileprivate var html = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            html.reserveCapacity(literalCapacity + 32 * interpolationCount)
        }

        mutating func appendLiteral(_ literal: String) { html += literal }
        mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
        mutating func appendInterpolation(_ markup: Markup?) { html += markup?.html ?? "" }
        mutating func appendInterpolation(_ number: some BinaryInteger) { html += String(number) }

        mutating func appendInterpolation(_ text: some StringProtocol) {
            html += Markup.escape(text)
        }
    }

    var isEmpty: Bool { html.isEmpty }

    static func + (first: Markup, second: Markup) -> Markup {
        Markup(html: first.html + second.html)
    }

    static func += (first: inout Markup, second: Markup) { first = first + second }

    /// By scalars: a combining mark or a format character joins the `<` next to it to one
    /// `Character`, which equals no `"<"`, while a browser still sees the `<`.
    private static func escape(_ text: some StringProtocol) -> String {
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
}

extension Sequence<Markup> {
    func joined(_ separator: Markup = .none) -> Markup {
        Markup(html: lazy.map(\.html).joined(separator: separator.html))
    }
}

extension Optional<Markup> {
    var orNone: Markup { self ?? .none }
}
