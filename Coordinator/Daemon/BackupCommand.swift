import ArgumentKit
import CoordinatorAdapters
import Glibc
import Support

/// `aibuild-coordinator backup` and `aibuild-coordinator restore`. For a person: unlike a log's,
/// their lines are lines.
enum BackupCommand {
    /// What the command line asks for.
    enum Keys: Sendable, Equatable {
        case inside, none
        case elsewhere(String)
    }

    static let command = PlainCommand(
        "backup", "make a backup in a new folder in DIR, while the coordinator runs",
        operands: ["DIR"],
        options: [
            Options.config,
            CommandOption("keys", value: "DIR2", "put the secret keys there, apart from the rest"),
            CommandOption("without-keys", "leave the secret keys out"),
            CommandOption("keep", value: "N", "then remove all but the newest N backups in DIR"),
        ])

    static let restoring = PlainCommand(
        "restore", "restore a backup, while no coordinator of this farm runs",
        operands: ["BACKUP"],
        options: [
            Options.config,
            CommandOption(
                "keys", value: "DIR",
                "where its secret keys are, or the DIR2 of its backup (default: in it)"),
            CommandOption(
                "without-keys", "its secret keys are lost: restore the rest, and say what is lost"),
            CommandOption("replace", "move what is there aside"),
        ])

    static func back(
        up configuration: Configuration, into folder: String, keys: Keys, keeps: Int?
    ) async throws {
        let given: FarmBackup.Keys =
            switch keys {
            case .inside: .inside
            case .none: .none
            case .elsewhere(let folder): .elsewhere(folder)
            }
        let backup = FarmBackup(
            configuration.places, into: folder, keys: given, keeps: keeps,
            say: { say($0) })
        await orExplain { say("Made \(try await backup.run())") }
    }

    static func restore(
        _ configuration: Configuration, from folder: String, keys: Keys, replaces: Bool
    ) async throws {
        let given: FarmRestore.Keys =
            switch keys {
            case .inside: .inside
            case .none: .lost
            case .elsewhere(let folder): .elsewhere(folder)
            }
        await orExplain {
            let restore = try FarmRestore(
                folder, keys: given, to: configuration.places, replaces: replaces,
                say: { say($0) })
            try await restore.run()
            if given == .lost, let key = configuration.places.key("ssh/key") {
                say(
                    """
                    The SSH key was not restored. If \(key.path) is not the one that the hosts let \
                    in, let it in on each:
                    - aibuild host add NAME --address USER@HOST
                    """)
            }
            say(
                """
                Restored \(folder). Next:
                - start the coordinator, and look at its log
                - aibuild doctor; aibuild builds --state building
                - builds that were submitted since the backup are lost: submit them again
                - tokens and users that were removed since the backup are back: remove them again
                """)
        }
    }

    private static func orExplain(_ body: () async throws -> Void) async {
        do { try await body() } catch {
            say("aibuild-coordinator: \(error)", to: STDERR_FILENO)
            exit(1)
        }
    }

    /// At once, also if it goes to a file.
    private static func say(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
        let bytes = Array("\(text)\n".utf8)
        _ = write(descriptor, bytes, bytes.count)
    }
}
