import BuildProtocol
import Glibc
import ProcessKit
import SQLKit
import Support
import TextKit

/// MariaDB's own programs, which write and read dumps. The password is in no argument and on no
/// disk.
enum MariaDBPrograms {
    /// A farm of years takes minutes.
    private static let timeoutSeconds = 6 * 3600

    /// Dumps a database as it is at one moment, while others write to it.
    static func dump(
        _ server: MariaDBEndpoint, to path: String, user: FarmUser
    ) async throws {
        let output = try Descriptor(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
        let name = Self.name(of: output)
        try await run(
            ["mariadb-dump"], server, user,
            [
                // A transaction of its own: nobody is locked out.
                "--single-transaction", "--quick", "--skip-lock-tables", "--hex-blob",
                "--no-tablespaces", "--default-character-set=utf8mb4", "--result-file=\(name)",
                server.database,
            ])
        _ = consume output
    }

    static func load(
        _ dump: borrowing Descriptor, into server: MariaDBEndpoint, user: FarmUser
    ) async throws {
        try await run(
            // A program that may do nothing but send statements, where it knows that option.
            ["/bin/sh", "-c", "exec mariadb \"$@\" <\"$0\"", name(of: dump)], server,
            user,
            [
                "--loose-sandbox", "--batch", "--default-character-set=utf8mb4",
                "--max-allowed-packet=1G", server.database,
            ])
    }

    /// Leads to the file that was opened, whatever has its path now.
    private static func name(of file: borrowing Descriptor) -> String {
        "/proc/\(getpid())/fd/\(file.raw)"
    }

    private static func run(
        _ program: [String], _ server: MariaDBEndpoint, _ user: FarmUser, _ arguments: [String]
    ) async throws {
        let name = program[0] == "mariadb-dump" ? "mariadb-dump" : "mariadb"
        let path = Command.minimalEnvironment["PATH"] ?? ""
        guard Command.find(name, path: path) != nil else {
            throw Failure("\(name) is not installed: apt install mariadb-client")
        }
        var problem = ""
        for options in server.optionFiles {
            let file = try MemoryFile(Array(options.utf8))
            // The option file comes before all other options.
            let command = Command(
                program + ["--defaults-file=\(file.path)"] + arguments,
                environment: Command.minimalEnvironment)
            let output = try await user.actAsRoot {
                try await command.run(timeoutSeconds: timeoutSeconds)
            }
            if output.status.isSuccess { return }
            problem = "\(name): \(output.status): \(output.said)"
        }
        throw Failure("\(problem) (\(server))")
    }
}
