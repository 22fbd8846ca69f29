import ArgumentKit
import TextKit

/// `aibuild notifications …`
enum NotificationCommands {
    static let all = [list, test]

    private struct Place: Decodable {
        var name, type: String
        var on, guestOSes, environments: [String]
        var waiting: Int
        var lastSentAt, problem, nextTryAt: String?

        /// The events that it gets, without the defaults.
        var wants: String {
            var words = on.map { $0.replacing("_", with: " ") }.joined(separator: ", ")
            if guestOSes != ["*"] { words += " of " + guestOSes.joined(separator: ", ") }
            if environments != ["*"] { words += " to " + environments.joined(separator: ", ") }
            return words
        }

        var note: String {
            (problem ?? "") + (nextTryAt.map { "; next try \(Format.time($0))" } ?? "")
        }
    }

    private static let list = Command(
        name: "notifications", summary: "List the places that get notifications",
        details: [
            "Chats, mailboxes and webhooks are set up under notifications in coordinator.yml:",
            "docs/notifications.md.",
        ],
        examples: ["aibuild notifications"],
        run: { context in
            let body = try await context.api.get("/api/v1/notifications")
            return try context.show(body, as: Page<Place>.self) { page in
                var table = Table(
                    "PLACE", "TYPE", "ON", "WAITING", "LAST SENT", "PROBLEM", spare: ["LAST SENT"])
                for item in page.items {
                    table.add(
                        .init(item.name, .bold), .init(item.type), .init(item.wants),
                        .init("\(item.waiting)"),
                        .init(item.lastSentAt.map { Format.time($0) } ?? "-"),
                        .init(item.note))
                }
                context.print(
                    table,
                    orElse: "Nobody is told. Set up a place under notifications in "
                        + "coordinator.yml: see docs/notifications.md")
            }
        })

    private static let test = Command(
        name: "notifications test", summary: "Send a test message to a place",
        operands: ["PLACE"],
        details: ["If it arrives, so does what has been waiting for the place."],
        examples: ["aibuild notifications test team-chat"],
        run: { context in
            let place = context.arguments.operands[0]
            let body = try await context.api.send(
                "POST", "/api/v1/notifications/\(APIClient.segment(place))/test")
            return context.show(body, "Sent a test message to \(place)")
        })
}
