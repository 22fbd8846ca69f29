//! aibuild: the command line. It calls the coordinator's API and prints the responses: tables for
//! people, JSON for programs. It decides nothing and touches no host or database itself.

import Glibc

@main
struct Main {
    static func main() async {
        let cli = CLI(console: .standard, variables: Self.environment)
        exit(await cli.run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// The variables that are read.
    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        for name in [
            "AIBUILD_URL", "AIBUILD_TOKEN", "AIBUILD_CA_FILE", "NO_COLOR", "TERM", "USER", "HOME",
            "XDG_CONFIG_HOME",
        ] {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        return variables
    }
}
