import ArgumentKit

/// `aibuild token …`: what programs sign their requests with.
enum TokenCommands {
    static let all = [add, list, remove]

    private static let rights = ["view", "build", "catalog", "hosts", "release", "administer"]

    private static let add = Command(
        name: "token add", summary: "Make a token for a program, and print it once",
        operands: ["NAME"],
        options: [
            CommandOption(
                "right", value: "RIGHT",
                "view, build, catalog, hosts, release or administer (default: all of yours)",
                repeats: true),
            CommandOption(
                "guest-os", value: "PATTERN",
                "guest OSes that it may change, build and release, may contain * (default: all)",
                repeats: true),
            CommandOption("days", value: "N", "how long it lasts, 1 to 3650 (default: 90)"),
        ],
        details: [
            "A token can do what it names and its user may do, whichever is less; it ends with its",
            "user. The coordinator keeps a digest: nobody can show the token again.",
        ],
        examples: [
            "aibuild token add prometheus --right view --days 3650",
            "aibuild token add ci --right view --right build --guest-os 'debian*'",
        ],
        run: { context in
            let arguments = context.arguments
            for right in arguments.all("right") where !rights.contains(right) {
                throw CommandError(
                    .usage, "Unknown --right: \(right). Use \(rights.orList)")
            }
            let form = Form(
                name: arguments.operands[0],
                rights: arguments.all("right").isEmpty ? nil : arguments.all("right"),
                guestOSes: arguments.all("guest-os").isEmpty ? nil : arguments.all("guest-os"),
                days: try arguments.number("days"))
            let body = try await context.api.send("POST", "/api/v1/tokens", form)
            return try context.show(body, as: NewTokenAnswer.self) { answer in
                context.console.out(SafeText.line(answer.token) + "\n")
                context.console.err(
                    "Token \(SafeText.line(answer.details.id)) is not shown again. Programs use it "
                        + "as AIBUILD_TOKEN, or send Authorization: Bearer TOKEN\n")
                if let rights = form.rights, !rights.contains("view") {
                    context.console.err(
                        "Without --right view it reads nothing, which most commands of aibuild do "
                            + "first\n")
                }
            }
        })

    private static let list = Command(
        name: "token list", summary: "List tokens: yours, as administrator everybody's",
        options: [CommandOption("user", value: "NAME", "only of this user")],
        examples: ["aibuild token list"],
        run: { context in
            let query = context.arguments["user"].map { [("user", $0)] } ?? []
            let body = try await context.api.get("/api/v1/tokens", query: query)
            return try context.show(body, as: Page<TokenAnswer>.self) { page in
                var table = Table(
                    "ID", "NAME", "USER", "RIGHTS", "GUESTOS", "EXPIRES", "USED",
                    spare: ["GUESTOS", "RIGHTS"])
                for token in page.items {
                    table.add(
                        .init(token.id, .bold), .init(token.name), .init(token.user),
                        .init(token.rights.joined(separator: ", ")),
                        .init(token.guestOSes.joined(separator: ", ")),
                        .init(token.expiresAt.map { String($0.prefix(10)) } ?? "never"),
                        .init(token.lastUsedAt.map { Format.age($0) } ?? "never"))
                }
                context.print(table, orElse: "No tokens. Make one: aibuild token add --help")
            }
        })

    private static let remove = Command(
        name: "token remove", summary: "Revoke a token",
        operands: ["ID"], examples: ["aibuild token remove 3f2a81c09b7e"],
        run: { context in
            _ = try await context.api.send(
                "DELETE", "/api/v1/tokens/" + APIClient.segment(context.arguments.operands[0]))
            context.say("Revoked token \(context.name)")
            return .ok
        })

    private struct Form: Encodable {
        var name: String
        var rights, guestOSes: [String]?
        var days: Int?
    }
}
