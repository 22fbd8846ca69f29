import ArgumentKit
import BuildProtocol
import Support

/// One run of the command line.
struct CLI {
    static let version = ProgramVersion.current

    let console: Console
    let variables: [String: String]

    func run(_ arguments: [String]) async -> ExitCode {
        // `aibuild version` also asks the coordinator, which a new installation does not have.
        if arguments == ["--version"] {
            console.out("aibuild \(Self.version)\n")
            return .ok
        }
        do throws(UsageError) {
            // Without arguments, the overview is printed.
            switch try CommandProgram.aibuild.parse(arguments.isEmpty ? ["help"] : arguments) {
            case .help(let text):
                console.out(text)
                return .ok
            case .run(let command, let arguments):
                return await run(command, arguments)
            }
        } catch {
            console.err(CommandProgram.aibuild.complaint(error) + "\n")
            return .usage
        }
    }

    private func run(_ command: Command, _ arguments: Arguments) async -> ExitCode {
        for note in arguments.notes { console.err("aibuild: \(SafeText.line(note))\n") }
        do {
            return try await command.run(
                CommandContext(
                    console: console, style: Style(console: console, variables: variables),
                    api: try client(command, arguments), variables: variables,
                    arguments: arguments, command: command))
        } catch let error as CommandError {
            console.err("aibuild: \(SafeText.lines(error.message))\n")
            if error.code == .usage { console.err("See: aibuild \(command.name) --help\n") }
            return error.code
        } catch {
            console.err("aibuild: \(SafeText.lines("\(error)"))\n")
            return .refused
        }
    }
}

extension CLI {
    /// Of the coordinator that `--url` or `AIBUILD_URL` names, else of the one that was signed in
    /// to last, else of this machine's.
    private func client(
        _ command: Command, _ arguments: Arguments
    ) throws(CommandError) -> APIClient {
        let word = arguments["url"] ?? variable("AIBUILD_URL")
        let logins = try Logins.read(variables)
        let login = word.map { logins.find($0) } ?? logins.logins.first
        return APIClient(
            url: login?.url ?? word ?? "http://127.0.0.1:9753",
            token: variable("AIBUILD_TOKEN") ?? login?.token,
            authorities: authorities(command, arguments) ?? login?.authorities)
    }

    /// A command may have an option of that name itself, for something else.
    private func authorities(_ command: Command, _ arguments: Arguments) -> String? {
        let isOwn = command.options.contains { $0.long == "ca-file" }
        let file = isOwn ? nil : arguments["ca-file"]
        return file ?? variable("AIBUILD_CA_FILE")
    }

    private func variable(_ name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// The exit codes, which scripts can rely on. `aibuild --help` lists them.
enum ExitCode: Int32, CaseIterable {
    case ok = 0
    case buildFailed = 1
    case usage = 2
    case notFound = 3
    case refused = 4
    case unreachable = 5
    case cancelled = 6
    case output = 7

    var meaning: String {
        switch self {
        case .ok: "success"
        case .buildFailed: "the build or release failed; check or doctor found a problem"
        case .usage: "invalid command line"
        case .notFound: "not found"
        case .refused: "the coordinator refused the request, or failed"
        case .unreachable: "the coordinator is unreachable"
        case .cancelled: "the build or release was cancelled"
        case .output: "the output cannot be written"
        }
    }
}

/// Ends a command with a message and an exit code.
struct CommandError: Error {
    var code: ExitCode
    var message: String

    init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// An error of the system, such as `Cannot read x: No such file or directory`.
    init(_ code: ExitCode, _ error: SystemError) {
        let text = "\(error)"
        self.init(code, text.prefix(1).uppercased() + text.dropFirst())
    }
}
