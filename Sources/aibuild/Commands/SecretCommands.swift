import ArgumentKit
import Glibc
import TextKit

/// `aibuild secret …`: what the coordinator hands to builds, and shows to nobody.
enum SecretCommands {
    static let all = [add, change, list, remove, rotateKey]

    private static let fromFile = CommandOption(
        "from-file", value: "FILE", "file with the value; - reads stdin (default)")

    private static let environmentOption = CommandOption(
        "environment", value: "PATTERN",
        "environments that may name it as their password, may contain *", repeats: true)

    private static let noBuilds = CommandOption(
        "no-builds", "no build may use it: a login of the coordinator (git.logins)")

    /// - Returns: `nil` if nothing is said of them.
    private static func guestOSes(
        _ arguments: Arguments, isRequired: Bool
    ) throws(CommandError) -> [String]? {
        let named = arguments.all("guest-os")
        guard arguments.has("no-builds") else {
            guard !named.isEmpty || !isRequired || arguments.has("environment") else {
                throw CommandError(
                    .usage,
                    "Name the guest OSes whose builds may use it (--guest-os), or none "
                        + "(--no-builds); or environments (--environment)")
            }
            return named.isEmpty ? nil : named
        }
        guard named.isEmpty else {
            throw CommandError(.usage, "--no-builds and --guest-os exclude each other")
        }
        return []
    }

    /// - Returns: `nil` if nothing is said of them.
    private static func environments(_ arguments: Arguments) -> [String]? {
        let named = arguments.all("environment")
        return named.isEmpty ? nil : named == ["none"] ? [] : named
    }

    private static let add = Command(
        name: "secret add", summary: "Store a secret that builds can use",
        operands: ["NAME"],
        options: [
            fromFile,
            CommandOption(
                "guest-os", value: "PATTERN",
                "guest OSes whose builds may use it, may contain *", repeats: true),
            environmentOption, noBuilds,
        ],
        details: [
            "The value is never part of the command line. It is encrypted where it is stored, and",
            "nobody can read it back: not by the API, not in a list, not in a log. A template uses",
            "it by its name, under `environment` of aibuild.yml.",
        ],
        examples: [
            "aibuild secret add openstack --from-file password.txt --guest-os 'cloud-*'",
            "aibuild secret add registry --from-file - --guest-os debian12",
            "aibuild secret add lab-cloud --from-file lab.password --environment lab",
            "aibuild secret add git-token --from-file token.txt --no-builds",
        ],
        run: { context in
            // First: reading the value may ask a person for it.
            let guestOSes = try guestOSes(context.arguments, isRequired: true)
            return try await put(
                context,
                Form(
                    value: try value(context.arguments), guestOSes: guestOSes,
                    environments: environments(context.arguments), isNew: true),
                "Added")
        })

    private static let change = Command(
        name: "secret change", summary: "Replace the value of a secret, or who may use it",
        operands: ["NAME"],
        options: [
            CommandOption("from-file", value: "FILE", "file with the new value; - reads stdin"),
            CommandOption(
                "guest-os", value: "PATTERN",
                "guest OSes whose builds may use it from now on: all of them", repeats: true),
            CommandOption(
                "environment", value: "PATTERN",
                "environments that may use it from now on: all of them, or the literal none",
                repeats: true),
            noBuilds,
        ],
        details: ["What is not given is kept. Builds that run keep the value that they have."],
        examples: [
            "aibuild secret change openstack --from-file password.txt",
            "aibuild secret change openstack --guest-os 'cloud-*' --guest-os debian12",
        ],
        run: { context in
            try context.requireOption(of: [
                fromFile, CommandOption("guest-os", value: "PATTERN", ""), environmentOption,
                noBuilds,
            ])
            return try await put(
                context,
                Form(
                    value: context.arguments["from-file"] == nil
                        ? nil : try value(context.arguments),
                    guestOSes: try guestOSes(context.arguments, isRequired: false),
                    environments: environments(context.arguments), isNew: false),
                "Changed")
        })

    private static let list = Command(
        name: "secret list", summary: "List the secrets of the coordinator, without their values",
        examples: ["aibuild secret list"],
        run: { context in
            let body = try await context.api.get("/api/v1/secrets")
            return try context.show(body, as: Page<SecretAnswer>.self) { page in
                var table = Table(
                    "NAME", "GUESTOS", "ENVIRONMENTS", "SOURCE", "CHANGED",
                    spare: ["CHANGED", "ENVIRONMENTS"])
                for item in page.items {
                    table.add(
                        .init(item.name, .bold),
                        .init(
                            item.guestOSes.isEmpty
                                ? "none" : item.guestOSes.joined(separator: ", ")),
                        .init((item.environments ?? []).joined(separator: ", ")),
                        .init(item.lost == true ? "lost: set it anew" : item.source),
                        .init(Format.age(item.changedAt)))
                }
                context.print(
                    table, orElse: "No secrets. Add one: aibuild secret add --help")
            }
        })

    private static let remove = Command(
        name: "secret remove", summary: "Remove a secret; builds that run keep it",
        operands: ["NAME"], examples: ["aibuild secret remove openstack"],
        run: { context in
            _ = try await context.api.send("DELETE", path(context))
            context.say("Removed secret \(context.name)")
            return .ok
        })

    private static let rotateKey = Command(
        name: "secret rotate-key", summary: "Encrypt all stored secrets with a new key",
        details: [
            "The passwords of environments are encrypted again as well. The new key replaces the",
            "old one in the coordinator's secret_key_file. The change goes on if the command is",
            "interrupted, and also after the next start of a coordinator.",
        ],
        examples: ["aibuild secret rotate-key"],
        run: { context in
            let body = try await context.api.send("POST", "/api/v1/secrets/rotate-key")
            return try context.show(body, as: Rotation.self) { rotation in
                context.console.out(
                    "Changed the key: encrypted \(rotation.resealed) secrets again\n")
                for name in rotation.unreadable {
                    context.console.out(
                        SafeText.line("Not readable with any key, left as it is: \(name)") + "\n")
                }
                if let problem = rotation.problem {
                    context.console.out(SafeText.line("Note: \(problem)") + "\n")
                }
            }
        })

    private struct Form: Encodable {
        var value: String?
        var guestOSes, environments: [String]?
        var isNew: Bool
    }

    private struct SecretAnswer: Decodable {
        var name: String
        var guestOSes: [String]
        var environments: [String]?
        var source: String
        var changedAt: String?
        var lost: Bool?
    }

    private struct Rotation: Decodable {
        var resealed: Int
        var unreadable: [String]
        var problem: String?
    }

    /// More than the coordinator takes, so that it says how much that is.
    private static let valueBytes = 1 << 20

    private static func value(_ arguments: Arguments) throws -> String {
        let file = arguments["from-file"] ?? "-"
        if file == "-", isatty(0) == 1 {
            throw CommandError(
                .usage,
                "stdin is a terminal: pass the value through a pipe, or name its file with "
                    + "--from-file")
        }
        let bytes = try Arguments.read(
            file == "-" ? "/dev/stdin" : file, limitBytes: valueBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandError(
                .usage, "The value is not text in UTF-8: encode it, for example by base64")
        }
        return text
    }

    private static func put(
        _ context: CommandContext, _ form: Form, _ done: String
    ) async throws -> ExitCode {
        let body = try await context.api.send("PUT", path(context), form)
        return context.show(body, "\(done) secret \(context.name)")
    }

    private static func path(_ context: CommandContext) -> String {
        "/api/v1/secrets/" + APIClient.segment(context.arguments.operands[0])
    }
}
