import AgentCore
import BuildProtocol
import Support

/// Secrets that came with `start`: files of the attempt that only the agent's user can read, and
/// that no program sees but those that `secret_file` hands out. They are deleted when the attempt
/// ends; its order never has a value.
enum DeliveredSecrets {
    /// Takes the values out of the order, and names their files instead. A secret of this host that
    /// the guest OS may use comes first.
    static func keep(_ order: inout AttemptOrder, in folder: AttemptFolder) throws {
        let values = order.start.secrets?.values ?? [:]
        order.start.secrets = nil
        let start = order.start
        var known = order.secrets ?? [:]
        for (name, value) in values where known[name]?.isFor(start.build.guestOS) != true {
            try Files.makeFolder(folder.secrets, mode: 0o700)
            let path = folder.secret(name)
            try Files.replace(path, with: Array(value.utf8), mode: 0o600)
            known[name] = HostSecret(file: path, guestOSes: ["*"])
        }
        order.secrets = known.isEmpty ? nil : known
    }

    /// Deletes what has been read and is not handed out as a file.
    static func discard(keeping files: [String], in folder: AttemptFolder) {
        for name in (try? Files.list(folder.secrets)) ?? [] {
            let path = folder.secret(name)
            if !files.contains(path) { try? Files.remove(path) }
        }
    }
}
