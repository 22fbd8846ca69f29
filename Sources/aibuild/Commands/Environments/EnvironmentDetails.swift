import ArgumentKit
import TextKit

/// `aibuild env show`
enum EnvironmentDetails {
    static let show = Command(
        name: "env show", summary: "Show an environment with all its settings",
        operands: ["NAME"],
        details: ["Passwords are never shown."],
        examples: ["aibuild env show lab"],
        run: { context in
            let name = APIClient.segment(context.arguments.operands[0])
            let body = try await context.api.get("/api/v1/environments/\(name)")
            return try context.show(body, as: EnvironmentAnswer.self) { item in
                context.print(
                    [
                        ("name", item.name), ("kind", item.kind),
                        ("registered", item.createdAt.map { Format.time($0) }),
                        ("guest OSes", item.policy?.guestos.joined(separator: ", ")),
                        (
                            "images",
                            item.policy.map {
                                $0.images.isEmpty
                                    ? "own name only" : $0.images.joined(separator: ", ")
                            }
                        ),
                        ("secret", item.secretName),
                        ("approval", item.policy.map { $0.approval ? "required" : "none" }),
                    ] + settings(try JSON(parsing: body), item.kind))
            }
        })

    /// Whatever the coordinator sends, under the names of the API: a newer one may have more.
    private static func settings(_ answer: JSON, _ kind: String) -> [(String, String?)] {
        guard case .object(let fields)? = answer["settings"]?[kind] else { return [] }
        return fields.sorted { $0.key < $1.key }.flatMap { name, value in
            guard case .array(let items) = value else { return [(name, text(value))] }
            return items.map { (name, text($0)) }
        }
    }

    private static func text(_ value: JSON) -> String? {
        switch value {
        case .null: nil
        case .string(let text): text
        case .object(let fields):
            // A Docker host. Its container is a document of its own.
            [fields["name"]?.text, fields["url"]?.text].compactMap(\.self).joined(separator: " at ")
        default: String(decoding: value.bytes, as: UTF8.self)
        }
    }
}
