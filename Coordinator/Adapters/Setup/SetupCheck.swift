public import CoordinatorCore
import Glibc
import Support

/// Whether the files that the configuration names can be used. The coordinator starts without them:
/// they are needed with the first host, or with the first release that has a hook.
public struct SetupCheck: Sendable {
    public var sshKeyFile: String?
    public var sshAgentSocket: String?
    public var hooksFolder: String?
    /// Files that hold a secret.
    public var secretFiles: [String] = []

    public init() {}

    /// Blocks for a moment.
    public func problems() -> [SetupProblem] {
        [
            sshKeyFile.flatMap { path in
                Self.check(path, "SSH key", R_OK) { isMissing in
                    isMissing
                        ? "As the coordinator's user: "
                            + "install -d -m 700 \(Files.folder(of: path)) && "
                            + "ssh-keygen -t ed25519 -N '' -f \(path), then authorize "
                            + "\(path).pub on each host (docs/hosts.md)"
                        : "Make the file and its folders readable by the coordinator's user"
                }
            },
            sshAgentSocket.flatMap { path in
                Self.check(path, "ssh-agent's socket", R_OK | W_OK) { _ in
                    "Start the ssh-agent, or correct ssh.agent_socket in coordinator.yml"
                }
            },
            hooksFolder.flatMap { path in
                // With the slash, only a folder is found.
                Self.check(path + "/", "folder of hooks", R_OK | X_OK) { _ in
                    "Create the folder, or correct hooks_folder in coordinator.yml: releases to an "
                        + "environment with a hook fail without it"
                }
            },
        ].compactMap(\.self) + secretFiles.compactMap(Self.openFile)
    }

    private static func openFile(_ path: String) -> SetupProblem? {
        var info = stat()
        guard stat(path, &info) == 0 else {
            return SetupProblem(
                "\(SystemError.last("The coordinator cannot read the secret in \(path)"))",
                remedy: "Correct the file, or its name in coordinator.yml")
        }
        // Advice about anything else would break the machine.
        guard info.st_mode & S_IFMT == S_IFREG else {
            return SetupProblem(
                "\(path) is no file, but named for a secret",
                remedy: "Correct its name in coordinator.yml")
        }
        guard info.st_mode & 0o007 != 0 else { return nil }
        return SetupProblem(
            "Every user of this machine can read the secret in \(path)",
            remedy: "chmod o= \(path); if others may have read it, replace the secret as well")
    }

    private static func check(
        _ path: String, _ what: String, _ mode: Int32, remedy: (_ isMissing: Bool) -> String
    ) -> SetupProblem? {
        if access(path, mode) == 0 { return nil }
        let error = SystemError.last("The coordinator cannot use its \(what) \(path)")
        return SetupProblem("\(error)", remedy: remedy(error.errno == ENOENT))
    }
}
