/// How a state looks: a word, a shape and a colour, so that nobody needs to see the colour.
enum StateLook: String, CaseIterable {
    case good, bad, active, waiting, warning, neutral

    var shape: String {
        switch self {
        case .good: "✓"
        case .bad: "✕"
        case .active: "▶"
        case .waiting: "○"
        case .warning: "!"
        case .neutral: "–"
        }
    }

    /// States of builds, tests, hosts, releases and deliveries, which all have words of their own.
    private static let looks: [String: StateLook] = [
        "current": .good, "behind": .warning, "passed": .good, "ready": .good, "released": .good,
        "done": .good, "handled": .good,
        "failed": .bad, "unreachable": .bad, "quarantined": .bad, "refused": .bad, "lost": .bad,
        "connecting": .active, "building": .active, "collecting": .active, "publishing": .active,
        "testing": .active, "running": .active, "releasing": .active, "removing": .active,
        "queued": .waiting, "waiting": .waiting, "received": .waiting,
        "awaitingApproval": .warning, "drained": .warning, "unwanted": .warning,
    ]

    static func of(_ state: String) -> StateLook { looks[state] ?? .neutral }
}
