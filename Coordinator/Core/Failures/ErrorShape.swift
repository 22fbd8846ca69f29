/// How a program reports an error: what such lines have in common.
struct ErrorShape: Sendable {
    enum Weight: Sendable {
        /// The program gives up: the first such line of a step is its error.
        case final
        /// A script may go on after it: the last such line of a step is its error, unless there is
        /// a final one.
        case possible
    }

    enum Place: Sendable { case start, anywhere }

    var phrase: [UInt8]
    var place: Place
    var weight: Weight

    private init(_ phrase: String, _ place: Place, _ weight: Weight) {
        self.phrase = Array(phrase.utf8)
        self.place = place
        self.weight = weight
    }

    /// The first that fits the line, with final ones before others.
    static func of(_ line: String) -> ErrorShape? {
        let bytes = Array(line.utf8)
        return table.first { $0.fits(bytes) }
    }

    static var phrases: [[UInt8]] { table.map(\.phrase) }

    private func fits(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= phrase.count else { return false }
        if place == .start { return bytes.starts(with: phrase) }
        return (0...(bytes.count - phrase.count)).contains { start in
            bytes[start] == phrase[0] && bytes[start...].starts(with: phrase)
        }
    }

    private static func all(
        _ weight: Weight, start: [String] = [], anywhere: [String] = []
    ) -> [ErrorShape] {
        start.map { ErrorShape($0, .start, weight) }
            + anywhere.map { ErrorShape($0, .anywhere, weight) }
    }

    private static let table =
        // Package managers: apt and dpkg, dnf and yum, zypper, apk, pip, npm.
        all(
            .final,
            start: [
                "E: ", "dpkg: error", "Error: ", "No match for argument:", "ERROR: ", "npm ERR!",
                "npm error ",
            ],
            anywhere: ["' not found in package names", "nothing provides "])
        // Downloads and Git.
        + all(
            .final, start: ["curl: (", "wget: unable", "wget: can't", "fatal: "],
            anywhere: [": ERROR 403", ": ERROR 404", " ERROR 403:", " ERROR 404:", " ERROR 50"])
        // Ansible, Chef, Puppet, Salt.
        + all(
            .final, start: ["fatal: [", "ERROR! ", "failed: [", "FATAL: "],
            anywhere: ["]: UNREACHABLE! "])
        // QEMU, its tools, and kernels.
        + all(
            .final, start: ["qemu-system-", "qemu-img: ", "qemu: qemu-system-"],
            anywhere: [
                "Kernel panic - not syncing", "Unable to mount root fs", "Out of memory: Killed",
                "No space left on device", "Disk quota exceeded", "Read-only file system",
                "Input/output error",
            ])
        // Packer itself.
        + all(
            .final,
            start: [
                "Timeout waiting for SSH", "Timeout waiting for WinRM", "Error launching VM",
                "Error uploading", "Error creating", "Error converting", "Error starting",
                "Error detecting host IP", "Error getting SSH", "Error waiting for SSH",
                "ISO download failed", "Failed to get checksum", "checksum didn't match",
                "Bad exit status",
            ],
            anywhere: [
                "error downloading ISO", "Failed to create new VM", "dial unix /tmp/packer-plugin",
                // The agent's own, before a command's Packer.
                ", which does not work on this host",
            ])
        // cloud-init, Python, Make, compilers, systemd.
        + all(
            .final, start: ["make: *** ", "Traceback (most recent call last)"],
            anywhere: [
                ".py[ERROR]", ".py[CRITICAL]", "]: *** [", " fatal error: ", ": internal error: ",
                "Failed to start ", "Job for ", "dependency problems",
            ])
        // Shells and tools.
        + all(
            .possible,
            start: ["error:", "ERROR:", "error ", "ERROR ", "FATAL", "panic: ", "Failed to "],
            anywhere: [
                ": command not found", ": not found", ": No such file or directory",
                ": Permission denied", "Permission denied (", "Operation not permitted",
                ": unbound variable", ": parameter not set", "syntax error", ": cannot ",
                "Could not resolve host", "could not resolve", "Temporary failure in name",
                "Name or service not known", "Connection refused", "Connection timed out",
                "No route to host", "Network is unreachable", ": error: ", ": Error: ",
                "is not recognized as ", "CategoryInfo ", "Exception: ", "error while loading",
                "Segmentation fault", "core dumped", "Killed", "cannot allocate memory",
                "Cannot allocate memory", "certificate verify failed", "signature verification",
                " failed: ", "FAILED",
            ])
}
