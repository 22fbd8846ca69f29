/// Colours, if the terminal shows them.
struct Style: Sendable {
    enum Colour: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
        case faint = "2"
        case bold = "1"
    }

    /// Whether standard output takes escape sequences.
    let isColoured: Bool

    init(console: Console, variables: [String: String]) {
        isColoured =
            console.outIsTerminal && variables["NO_COLOR"] == nil && variables["TERM"] != "dumb"
    }

    func paint(_ text: String, _ colour: Colour?) -> String {
        guard isColoured, let colour, !text.isEmpty else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    static func colour(ofState state: String) -> Colour? {
        switch state {
        case "passed", "ready", "released": .green
        case "failed", "refused", "unreachable", "quarantined": .red
        case "cancelled", "drained", "rolledBack", "awaitingApproval": .yellow
        case "building", "collecting", "publishing", "connecting", "running": .cyan
        default: nil
        }
    }
}
