/// Command lines of the host's OpenSSH client for a guest under test.
public enum GuestSSH {
    /// - Parameters:
    ///   - key: the path of the private key; `nil` if `SSH_ASKPASS` provides a password.
    ///   - command: what the guest's shell runs.
    public static func arguments(
        user: String, port: Int, key: String?, command: String
    ) -> [String] {
        var options = [
            // Its host key is new at each boot, and only this host can reach it.
            "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
            "GlobalKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=30",
            "ServerAliveInterval=15", "ServerAliveCountMax=4", "IdentityAgent=none",
            "ControlPath=none", "NumberOfPasswordPrompts=1",
            // Old guests support nothing newer.
            "HostKeyAlgorithms=+ssh-rsa", "IgnoreUnknown=PubkeyAcceptedAlgorithms",
            "PubkeyAcceptedAlgorithms=+ssh-rsa",
        ]
        options +=
            key == nil
            ? ["PreferredAuthentications=password,keyboard-interactive", "PubkeyAuthentication=no"]
            : ["BatchMode=yes", "IdentitiesOnly=yes"]
        return ["ssh", "-F", "/dev/null", "-T", "-p", String(port), "-l", user]
            + options.flatMap { ["-o", $0] } + (key.map { ["-i", $0] } ?? [])
            + ["127.0.0.1", command]
    }

    /// Does nothing and succeeds.
    public static let probe = "exit 0"

    /// Runs the script on standard input by its shebang line. The script itself gets no input.
    public static let runScript =
        "s=$(mktemp) && cat >\"$s\" && chmod 700 \"$s\" && \"$s\" </dev/null; r=$?; "
        + "rm -f \"$s\"; exit $r"

    /// A program that prints the password for the SSH client.
    public static func askpass(passwordFile: String) -> String {
        let quoted = passwordFile.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: "'\\''")
        return "#!/bin/sh\nexec head -n 1 '\(quoted)'\n"
    }

    /// `SSH_ASKPASS` is used even if there is a terminal; older clients require a display.
    public static func askpassEnvironment(_ program: String) -> [String: String] {
        ["SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"]
    }
}
