import ArgumentKit
import TextKit

/// `aibuild hooks` and `aibuild deliveries …`
enum DeliveryCommands {
    static let all = [hooks, list, show, replay, approve]

    struct Answer: Decodable {
        struct Change: Decodable {
            struct MergeRequest: Decodable {
                var number: Int
                var title: String
                var foreign: Bool
            }

            var change, project, ref, commit: String
            var mergeRequest: MergeRequest?

            var title: String {
                switch change {
                case "push": "push of \(commit.prefix(12)) to \(ref)"
                case "tag": "tag \(ref)"
                default: "merge request \(mergeRequest?.number ?? 0) to \(ref)"
                }
            }
        }

        var id: Int
        var hook, event, key, receivedAt, state, outcome: String
        var changes: [Change]
        var builds: [String]
        var tries: Int
        var nextTryAt, approvedBy: String?
        var repeats: Int?
        var payloadBytes: Int64
        var payload: String?

        var title: String { changes.first?.title ?? event }
    }

    private struct Hook: Decodable {
        struct Connection: Decodable {
            var server, lastMessageAt, problem: String?
        }

        var name, type, path: String
        var url: String?
        var lastDelivery: Answer?
        var connection: Connection?
        var looks: Looks?

        struct Looks: Decodable {
            var lookedAt: String?
            var profiles: Int?
            var problem: String?

            var text: String {
                let what = profiles.map { "\($0) profiles" } ?? "no list yet"
                let last = lookedAt.map { Format.time($0) } ?? "never"
                return "\(what), last look: \(last)" + (problem.map { "; \($0)" } ?? "")
            }
        }
    }

    private static let hooks = Command(
        name: "hooks", summary: "List the hooks of Git servers and when each last reported",
        details: [
            "A hook is set up in coordinator.yml, and on the Git server with the same secret and",
            "the path that is listed here: docs/triggers.md. A queue of RabbitMQ is listed with",
            "its name as path: docs/rabbitmq.md; so is a list of profiles: docs/triggers.md.",
        ],
        examples: ["aibuild hooks"],
        run: { context in
            let body = try await context.api.get("/api/v1/hooks")
            return try context.show(body, as: Page<Hook>.self) { page in
                var table = Table(
                    "HOOK", "TYPE", "LAST DELIVERY", "STATE", "SERVER", "PATH", spare: ["SERVER"])
                for hook in page.items {
                    table.add(
                        .init(hook.name, .bold), .init(hook.type),
                        .init(hook.lastDelivery.map { Format.time($0.receivedAt) } ?? "never"),
                        .init(hook.lastDelivery?.state ?? "-"), .init(hook.url ?? "-"),
                        .init(hook.path))
                }
                context.print(
                    table, orElse: "No hooks. Set one up under hooks in coordinator.yml")
                for case (let name, let connection?) in page.items.map({ ($0.name, $0.connection) })
                {
                    let last = connection.lastMessageAt.map { Format.time($0) } ?? "never"
                    let standing =
                        connection.server.map { "connected to \($0), last message: \(last)" }
                        ?? "not connected"
                    let problem = connection.problem.map {
                        (connection.server == nil ? ": " : "; ") + $0
                    }
                    let text = SafeText.line(standing + (problem ?? ""))
                    context.console.out("\(name) is \(text)\n")
                }
                for hook in page.items {
                    guard let looks = hook.looks else { continue }
                    context.console.out("\(hook.name): \(SafeText.line(looks.text))\n")
                }
            }
        })

    private static let list = Command(
        name: "deliveries", summary: "List what hooks reported, and what came of it",
        options: [
            CommandOption("hook", value: "NAME", "only this hook"),
            CommandOption(
                "state", value: "STATE",
                "only queued, awaiting_approval, handled, ignored or failed"),
            CommandOption("limit", value: "N", "number of deliveries (default 50)"),
            CommandOption("after", value: "ID", "those before this one, as the last page said"),
        ],
        examples: ["aibuild deliveries", "aibuild deliveries --state awaiting_approval"],
        run: { context in
            let query = ["hook", "state", "limit", "after"].compactMap { name in
                context.arguments[name].map { (name, $0) }
            }
            let body = try await context.api.get("/api/v1/deliveries", query: query)
            return try context.show(body, as: Page<Answer>.self) { page in
                var table = Table(
                    "ID", "RECEIVED", "HOOK", "CHANGE", "STATE", "BUILDS", "OUTCOME",
                    spare: ["RECEIVED"])
                for item in page.items {
                    table.add(
                        .init("\(item.id)", .bold), .init(Format.time(item.receivedAt)),
                        .init(item.hook), .init(item.title),
                        .init(item.state, Style.colour(ofState: item.state)),
                        .init(item.builds.isEmpty ? "-" : item.builds.joined(separator: ", ")),
                        .init(item.outcome))
                }
                context.print(table, orElse: "No deliveries")
                context.printMore(page.next)
            }
        })

    private static let show = Command(
        name: "deliveries show", summary: "Show a delivery with the beginning of its body",
        operands: ["ID"], examples: ["aibuild deliveries show 12"],
        run: { context in
            let body = try await context.api.get(path(context))
            return try context.show(body, as: Answer.self) { item in
                var lines: [(String, String?)] = [
                    ("delivery", "\(item.id)"), ("hook", item.hook), ("event", item.event),
                    ("received", Format.time(item.receivedAt)), ("state", item.state),
                    ("outcome", item.outcome.isEmpty ? nil : item.outcome),
                    ("builds", item.builds.isEmpty ? nil : item.builds.joined(separator: ", ")),
                    ("next try", item.nextTryAt.map { Format.time($0) }),
                    ("approved by", item.approvedBy),
                    ("repeats", item.repeats.map { "delivery \($0)" }), ("key", item.key),
                ]
                for change in item.changes {
                    let title = change.mergeRequest.map { ": \($0.title)" } ?? ""
                    lines.append(("change", "\(change.title) in \(change.project)\(title)"))
                    lines.append(("commit", change.commit))
                }
                context.print(lines)
                guard let payload = item.payload, !payload.isEmpty else { return }
                for line in payload.allLines {
                    context.console.out(SafeText.line(String(line)) + "\n")
                }
                if item.payloadBytes > payload.utf8.count {
                    context.console.err(
                        "Only the beginning of \(Format.bytes(item.payloadBytes)) was kept\n")
                }
            }
        })

    private static let replay = Command(
        name: "deliveries replay", summary: "Handle a delivery again",
        operands: ["ID"],
        details: [
            "A commit that has a build already is not built again: aibuild retry BUILD does that."
        ],
        examples: ["aibuild deliveries replay 12"],
        run: { context in
            let body = try await context.api.send("POST", path(context) + "/replay")
            return try context.show(body, as: Answer.self) { item in
                context.console.out(
                    "Replayed as delivery \(item.id). To see what comes of it: aibuild deliveries "
                        + "show \(item.id)\n")
            }
        })

    private static let approve = Command(
        name: "deliveries approve", summary: "Build a merge request of another project",
        operands: ["ID"],
        details: [
            "A template is code that runs on your hosts: read the merge request first. What is",
            "approved is the reported commit; a later one needs an approval of its own. Such",
            "builds get no secrets, and their images are neither published nor released.",
        ],
        examples: ["aibuild deliveries approve 12"],
        run: { context in
            let body = try await context.api.send("POST", path(context) + "/approve")
            return try context.show(body, as: Answer.self) { item in
                context.console.out("Approved delivery \(item.id): \(SafeText.line(item.title))\n")
            }
        })

    private static func path(_ context: CommandContext) -> String {
        "/api/v1/deliveries/" + APIClient.segment(context.arguments.operands[0])
    }
}
