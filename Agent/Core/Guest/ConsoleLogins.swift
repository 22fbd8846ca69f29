import TextKit

/// The lines that an SSH server of a guest writes to its console for each login. A test logs in
/// many times, and what the guest itself said last would be out of sight.
public enum ConsoleLogins {
    /// Of dropbear, then of OpenSSH: those of logins that went well.
    private static let phrases = [
        "Child connection from ", "Exited normally", "Pubkey auth succeeded for ",
        "Generated hostkey ", ": Disconnect received", "Connection from ",
        "Accepted publickey for ", "Connection closed by ", "Received disconnect from ",
        "Disconnected from ", "pam_unix(sshd:session): session ",
    ]

    /// The text without them; the whole text if nothing else is in it.
    public static func removed(from text: String) -> String {
        let lines = text.allLines
        let kept = lines.filter { !isLogin($0) }
        let says = kept.contains { line in line.unicodeScalars.contains { $0.value > 0x20 } }
        return kept.count < lines.count && says ? kept.joined(separator: "\n") : text
    }

    private static func isLogin(_ line: Substring) -> Bool {
        // `[131] Nov 29 20:38:25 Child connection from 10.0.2.2:44678`, or by way of a syslog.
        let number = line.dropFirst().prefix { $0.isASCII && $0.isNumber }
        let isDropbear = line.first == "[" && !number.isEmpty
        guard isDropbear || line.contains("sshd") || line.contains("dropbear") else { return false }
        return phrases.contains { line.contains($0) }
    }
}
