/// How the host's OpenSSH client is called for a guest that lives for one test case.
public enum GuestSSH {
    /// - Parameters:
    ///   - key: of the private key; `nil` where a password is asked for by `SSH_ASKPASS`.
    ///   - command: what the guest's shell runs.
    public static func arguments(
        user: String, port: Int, key: String?, command: String
    ) -> [String] {
        var options = [
            // Its host key is new with each boot, and nobody but this host can reach it.
            "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
            "GlobalKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=30",
            "ServerAliveInterval=15", "ServerAliveCountMax=4", "IdentityAgent=none",
            "ControlPath=none", "NumberOfPasswordPrompts=1",
            // Guests of older days know nothing newer.
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

    /// Does nothing, and succeeds.
    public static let probe = "exit 0"

    /// Runs the script that comes by standard input, by its own first line. It reads nothing of
    /// the connection itself.
    public static let runScript =
        "s=$(mktemp) && cat >\"$s\" && chmod 700 \"$s\" && \"$s\" </dev/null; r=$?; "
        + "rm -f \"$s\"; exit $r"

    /// Prints the password for the SSH client, which calls it with its question.
    public static func askpass(passwordFile: String) -> String {
        let quoted = passwordFile.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: "'\\''")
        return "#!/bin/sh\nexec head -n 1 '\(quoted)'\n"
    }

    /// `SSH_ASKPASS` is asked though there may be a terminal; older clients want a display, too.
    public static func askpassEnvironment(_ program: String) -> [String: String] {
        ["SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"]
    }
}
