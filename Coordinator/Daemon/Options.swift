import ArgumentKit
import BuildProtocol
import Support

/// The command line of `aibuild-coordinator`.
struct Options {
    enum Action: Sendable, Equatable {
        case run, check, version, adminToken, help(String)
        case migrate(isDryRun: Bool)
        case backup(into: String, keys: BackupCommand.Keys, keeps: Int?)
        case restore(String, keys: BackupCommand.Keys, replaces: Bool)
    }

    let action: Action
    private var configFile: String?
    private var port: Int?

    static let program = CommandProgram(
        "aibuild-coordinator", "queues builds, runs them on the hosts of the farm, serves the API",
        commands: [
            PlainCommand(
                "", "serve until a signal comes",
                options: [
                    config,
                    CommandOption(
                        "port", value: "N", "the API's port, instead of api.port (default 9753)"),
                ]),
            PlainCommand(
                "check-config",
                "say whether the configuration is sound, and the OpenID provider, if there is one, "
                    + "fit to sign in by; changes nothing",
                options: [config]),
            PlainCommand(
                "db migrate", "bring the database to this program's schema, and say what it was",
                options: [config, CommandOption("dry-run", "only say what would be done")]),
            PlainCommand(
                "admin-token",
                "print an address that signs a browser in as administrator, once, within five "
                    + "minutes",
                options: [config]),
            BackupCommand.command, BackupCommand.restoring,
            PlainCommand("version", "print the version"),
        ], version: ProgramVersion.current, section: 8,
        related: ["aibuild-coordinator.yml(5)", "aibuild(1)", "aibuild-agent(8)"])

    static let config = CommandOption(
        "config", value: "FILE",
        "configuration (default \(Configuration.defaultPath), if it exists)")

    init(_ line: some Sequence<String>) throws(UsageError) {
        switch try Self.program.parse(Array(line)) {
        case .help(let text): action = .help(text)
        case .run(let command, let arguments):
            action =
                switch command.name {
                case "version": .version
                case "check-config": .check
                case "admin-token": .adminToken
                case "db migrate": .migrate(isDryRun: arguments.has("dry-run"))
                case "backup": try Self.backup(arguments)
                case "restore":
                    .restore(
                        arguments.operands[0], keys: try Self.keys(arguments, command: "restore"),
                        replaces: arguments.has("replace"))
                default: .run
                }
            configFile = arguments["config"]
            port = try arguments.int("port", in: 0...65535)
        }
    }

    private static func backup(_ arguments: Arguments) throws(UsageError) -> Action {
        .backup(
            into: arguments.operands[0], keys: try keys(arguments, command: "backup"),
            keeps: try arguments.int("keep", in: 1...10_000))
    }

    private static func keys(
        _ arguments: Arguments, command: String
    ) throws(UsageError) -> BackupCommand.Keys {
        guard arguments["keys"] == nil || !arguments.has("without-keys") else {
            throw UsageError("--keys and --without-keys exclude each other", command: command)
        }
        return arguments.has("without-keys")
            ? .none : arguments["keys"].map { .elsewhere($0) } ?? .inside
    }

    /// `nil`: every setting has its default.
    var file: String? {
        configFile ?? (Files.exists(Configuration.defaultPath) ? Configuration.defaultPath : nil)
    }

    func configuration() throws -> Configuration {
        var configuration =
            try file.map { try Configuration(file: $0, isPortGiven: port != nil) }
            ?? Configuration()
        if let port { try configuration.api.use(port: port) }
        return configuration
    }
}
