import ArgumentKit
import Support

/// The command line of `aibuild-coordinator`.
struct Options {
    enum Action: Sendable, Equatable {
        case run, version, help(String)
        case migrate(isDryRun: Bool)
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
                "db migrate", "bring the database to this program's schema, and say what it was",
                options: [config, CommandOption("dry-run", "only say what would be done")]),
            PlainCommand("version", "print the version"),
        ])

    private static let config = CommandOption(
        "config", value: "FILE",
        "configuration (default \(Configuration.defaultPath), if it exists)")

    init(_ line: some Sequence<String>) throws(UsageError) {
        switch try Self.program.parse(Array(line)) {
        case .help(let text): action = .help(text)
        case .run(let command, let arguments):
            action =
                switch command.name {
                case "version": .version
                case "db migrate": .migrate(isDryRun: arguments.has("dry-run"))
                default: .run
                }
            configFile = arguments["config"]
            port = try arguments.int("port", in: 0...65535)
        }
    }

    func configuration() throws -> Configuration {
        var configuration = Configuration()
        if let configFile {
            configuration = try Configuration(file: configFile)
        } else if Files.exists(Configuration.defaultPath) {
            configuration = try Configuration(file: Configuration.defaultPath)
        }
        if let port { configuration.port = port }
        return configuration
    }
}
