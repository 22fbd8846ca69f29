import ArgumentKit
import HTTPTypes
import Support

/// `aibuild login`, `aibuild logout`, `aibuild whoami`, `aibuild passwd`
enum LoginCommands {
    static let all = [login, logout, whoami, password]

    static let passwordFile = CommandOption(
        "password-file", value: "FILE", "file with the password; - reads stdin")

    private static let login = Command(
        name: "login", summary: "Sign in to a coordinator",
        options: [
            CommandOption("browser", "sign in on a page of the coordinator, in a browser here"),
            CommandOption("user", value: "NAME", "the user (default: $USER)"),
            passwordFile,
            CommandOption(
                "as", value: "WORD", "name for this coordinator (default: its host name)"),
            CommandOption("days", value: "N", "how long it lasts, 1 to 3650 (default: 90)"),
        ],
        details: [
            "The token that the coordinator gives is kept in $XDG_CONFIG_HOME/aibuild/logins.json,",
            "which only this user can read. Commands talk to the coordinator that was signed in to",
            "last; --url and AIBUILD_URL take the name of another one.",
        ],
        examples: [
            "aibuild login --url https://builds.example.com --user anna",
            "aibuild login --url https://builds.example.com --browser",
            "aibuild login --url https://builds.example.com --as lab --password-file pw.txt",
        ],
        run: { context in
            let arguments = context.arguments
            let url = context.api.firstURL
            try refuseContradiction(arguments)
            let body =
                arguments.has("browser")
                ? try await BrowserLogin.token(
                    context, name: tokenName, days: try arguments.number("days"))
                : try await byPassword(context)
            let answer = try APIClient.decode(NewTokenAnswer.self, body)
            var logins = try Logins.read(context.variables)
            let known = logins.logins.first { $0.url == url }?.name
            let name = arguments["as"] ?? known ?? Authority(url: url)?.host ?? url
            let authorities = arguments["ca-file"] ?? context.variables["AIBUILD_CA_FILE"]
            let old = logins.logins.first { $0.name == name }
            logins.add(
                .init(
                    name: name, url: url, user: answer.details.user, token: answer.token,
                    authorities: authorities.flatMap { Links.resolved($0) }))
            try logins.write(context.variables)
            context.say(
                "Signed in to \(SafeText.line(url)) as \(SafeText.line(answer.details.user))"
                    + (answer.details.expiresAt.map { ", until \(Format.time($0))" } ?? "")
                    + (old.flatMap { replaced($0, by: answer.details.user, at: url) } ?? ""))
            return .ok
        })

    /// In a browser, a person says there who they are.
    private static func refuseContradiction(_ arguments: Arguments) throws(CommandError) {
        guard arguments.has("browser") else { return }
        for option in ["user", "password-file"] where arguments[option] != nil {
            throw CommandError(
                .usage,
                "--browser and --\(option) exclude each other: the page in the browser asks who "
                    + "signs in")
        }
    }

    /// `nil`: it is the same one anew.
    private static func replaced(
        _ old: Logins.Login, by user: String, at url: String
    ) -> String? {
        guard old.user != user || old.url != url else { return nil }
        let place = old.url == url ? "" : " at \(old.url)"
        return SafeText.line("; replaces the sign-in of \(old.user)\(place)")
    }

    private static func byPassword(_ context: CommandContext) async throws -> [UInt8] {
        let user = context.arguments["user"] ?? context.variables["USER"] ?? ""
        guard !user.isEmpty else {
            throw CommandError(.usage, "Name the user: aibuild login --user NAME")
        }
        let url = SafeText.line(context.api.firstURL)
        let password = try secret(context, "password-file", "Password of \(user) at \(url): ")
        return try await context.api.send(
            "POST", "/api/v1/sign-in",
            SignIn(
                name: user, password: password, tokenName: tokenName,
                days: try context.arguments.number("days")))
    }

    private static let logout = Command(
        name: "logout", summary: "Revoke this user's token, and forget it",
        options: [CommandOption("everywhere", "also sign out every browser of this user")],
        examples: ["aibuild logout", "aibuild logout --url lab"],
        run: { context in
            var logins = try Logins.read(context.variables)
            guard let login = logins.find(context.api.firstURL) else {
                throw CommandError(
                    .usage, "Not signed in to \(context.api.firstURL). See: aibuild whoami")
            }
            if context.arguments.has("everywhere") {
                _ = try await context.api.send("POST", "/api/v1/sign-out?everywhere=true")
            }
            // A token that has expired meanwhile is no reason to keep it.
            do { _ = try await context.api.send("POST", "/api/v1/sign-out") } catch let error
                as CommandError where error.code == .refused
            {}
            logins.remove(login.name)
            try logins.write(context.variables)
            context.say("Signed out of \(SafeText.line(login.url))")
            return .ok
        })

    private static let whoami = Command(
        name: "whoami", summary: "Show who you are to the coordinator, and what you may do",
        examples: ["aibuild whoami"],
        run: { context in
            let body = try await context.api.get("/api/v1/whoami")
            return try context.show(body, as: CallerAnswer.self) { answer in
                context.print([
                    ("name", answer.name), ("role", answer.role),
                    ("may", answer.rights.joined(separator: ", ")),
                    ("teams", answer.teams.isEmpty ? "none" : answer.teams.joined(separator: ", ")),
                    ("guest OSes", answer.guestOSes?.joined(separator: ", ") ?? "all"),
                    ("signed in by", answer.signedInBy), ("coordinator", context.api.firstURL),
                ])
            }
        })

    private static let password = Command(
        name: "passwd", summary: "Change your own password",
        details: ["Every browser in which you are signed in is signed out; tokens stay."],
        examples: ["aibuild passwd"],
        run: { context in
            let old = try secret(context, nil, "Old password: ")
            let new = try newPassword(context, nil)
            _ = try await context.api.send(
                "POST", "/api/v1/account/password", PasswordChange(old: old, new: new))
            context.say("Changed the password")
            return .ok
        })

    private struct SignIn: Encodable {
        var name, password, tokenName: String
        var days: Int?
    }

    private struct PasswordChange: Encodable {
        var old, new: String
    }

    private struct CallerAnswer: Decodable {
        var name, role, signedInBy: String
        var rights, teams: [String]
        var guestOSes: [String]?
    }

    /// What a list of tokens shows of this one.
    private static var tokenName: String {
        let bytes = (try? Files.read("/proc/sys/kernel/hostname", limitBytes: 256)) ?? []
        let host = String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
        return host.isEmpty ? "aibuild login" : "aibuild login on \(host.prefix(40))"
    }

    // MARK: Passwords

    /// A password is a line.
    private static let secretBytes = 4096

    /// From the file of the option, or else from a person.
    static func secret(
        _ context: CommandContext, _ option: String?, _ question: String
    ) throws(CommandError) -> String {
        guard let option, let file = context.arguments[option] else {
            guard let answer = context.console.askSecret(question) else {
                throw CommandError(
                    .usage,
                    "stdin is no terminal, so nobody can be asked for the password"
                        + (option.map { ": name its file with --\($0)" } ?? ""))
            }
            return answer
        }
        let bytes = try Arguments.read(
            file == "-" ? "/dev/stdin" : file, limitBytes: secretBytes)
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard let text = String(validating: line, as: UTF8.self), !text.isEmpty else {
            throw CommandError(.usage, "The first line of \(file) is no password")
        }
        return text
    }

    /// A person types it twice.
    static func newPassword(
        _ context: CommandContext, _ option: String?
    ) throws(CommandError) -> String {
        let first = try secret(context, option, "New password: ")
        guard option.flatMap({ context.arguments[$0] }) == nil else { return first }
        guard try secret(context, nil, "Again: ") == first else {
            throw CommandError(.usage, "The two passwords differ")
        }
        return first
    }
}

/// The answer that has a token.
struct NewTokenAnswer: Decodable {
    var token: String
    var details: TokenAnswer
}

struct TokenAnswer: Decodable {
    var id, name, user: String
    var rights, guestOSes: [String]
    var createdAt: String
    var expiresAt, lastUsedAt: String?
}
