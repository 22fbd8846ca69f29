import Support

struct UsageError: Error, CustomStringConvertible { var description: String }

/// `aibuild-coordinator [--config FILE] [--port N]`
struct Options {
    enum Command {
        case run, version, help
        case migrate(isDryRun: Bool)
    }

    var command = Command.run
    private var configFile: String?
    private var port: Int?

    static let usage = """
        usage: aibuild-coordinator [--config FILE] [--port N]
               aibuild-coordinator db migrate [--config FILE] [--dry-run]

          --config FILE  configuration (default \(Configuration.defaultPath), if it is there)
          --port N       the API's port, instead of api.port (default 9753)
          --version      print the version
          db migrate     bring the database to this program's schema, and say what it was
          --dry-run      only say what would be done
        """

    init(_ arguments: some Sequence<String>) throws {
        var rest = Array(arguments)[...]
        if rest.first == "db" {
            guard rest.dropFirst().first == "migrate" else {
                throw UsageError(description: "db knows one word: migrate\n\(Self.usage)")
            }
            rest = rest.dropFirst(2)
            command = .migrate(isDryRun: false)
        }
        while let word = rest.popFirst() {
            switch word {
            case "--help", "-h": command = .help
            case "--version": command = .version
            case "--dry-run":
                guard case .migrate = command else {
                    throw UsageError(description: "--dry-run belongs to db migrate")
                }
                command = .migrate(isDryRun: true)
            case "--config": configFile = try Self.value(of: word, &rest)
            case "--port":
                let text = try Self.value(of: word, &rest)
                guard let number = Int(text), (0...65535).contains(number) else {
                    throw UsageError(description: "--port: '\(text)' is no port number")
                }
                port = number
            default: throw UsageError(description: "unknown argument '\(word)'\n\(Self.usage)")
            }
        }
    }

    private static func value(of word: String, _ rest: inout ArraySlice<String>) throws -> String {
        guard let value = rest.popFirst() else {
            throw UsageError(description: "\(word) needs a value\n\(usage)")
        }
        return value
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
