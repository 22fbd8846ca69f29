import FoundationEssentials
import Glibc
import ArgumentKit

/// `aibuild db …`: replaces this process with the coordinator's program, which has the database
/// drivers.
enum DatabaseCommands {
    static let all = [migrate]

    private static let migrate = Command(
        name: "db migrate",
        summary: "Migrate a database, including one of the original AIBuild, to the current schema",
        options: [
            CommandOption(
                "config", value: "FILE",
                "coordinator configuration (default: /etc/aibuild/coordinator.yml)"),
            CommandOption("dry-run", "report what would be done, change nothing"),
        ],
        details: [
            "Run this on the coordinator's machine. No row or column is removed. A coordinator",
            "runs the same migrations when it starts.",
        ],
        examples: ["aibuild db migrate --dry-run", "aibuild db migrate --config coordinator.yml"],
        run: { context in
            var words = ["db", "migrate"]
            if let file = context.arguments["config"] { words += ["--config", file] }
            if context.arguments.has("dry-run") { words.append("--dry-run") }
            // The one beside this program comes first: it has the same version.
            let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            let folder = own.map { String($0.prefix(upTo: $0.lastIndex(of: "/") ?? $0.endIndex)) }
            for program in [folder.map { $0 + "/aibuild-coordinator" }, "aibuild-coordinator"] {
                guard let program else { continue }
                var arguments = ([program] + words).map { strdup($0) } + [nil]
                // Returns only if it cannot be run.
                execvp(program, &arguments)
                for argument in arguments { free(argument) }
            }
            throw CommandError(
                .notFound,
                "Cannot find aibuild-coordinator on this machine. Run this where it is installed")
        })
}
