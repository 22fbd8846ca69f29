import Support

/// A KVM host on loopback without a coordinator: sshd, gate and agent, and the key that may log in.
public final class LoneHost: Sendable {
    public let host: FarmHost
    /// The private key that is allowed to run the gate.
    public let keyFile: String
    private let folder: FarmFolder

    private init(_ folder: FarmFolder, _ host: FarmHost, _ keyFile: String) {
        self.folder = folder
        self.host = host
        self.keyFile = keyFile
    }

    /// Runs `body` with such a host and a running agent.
    /// - Parameter sshd: lines of its `sshd_config`.
    public static func run(
        sshd: [String] = [], _ body: (LoneHost) async throws -> Void
    ) async throws {
        await FarmSlots.shared.take()
        do {
            let folder = try FarmFolder()
            let keyFile = folder.path + "/id_ed25519"
            let host = try await FarmHost(
                "kvm0", folder: folder.path, key: try await makeKey(keyFile),
                lines: ["slots: 2", "qemu_system: no-such-qemu"], gateScript: nil, sshd: sshd)
            try host.startDaemon()
            let lone = LoneHost(folder, host, keyFile)
            try await body(lone)
            host.killDaemon()
        } catch {
            await FarmSlots.shared.give()
            throw error
        }
        await FarmSlots.shared.give()
    }

    /// - Returns: the public key, as a line of `authorized_keys`.
    static func makeKey(_ path: String) async throws -> String {
        try await SSHServer.makeKey(path, "ed25519")
        let lines = String(
            decoding: try Files.read(path + ".pub", limitBytes: 4096), as: UTF8.self
        ).split(separator: "\n")
        guard let key = lines.first else { throw Failure("ssh-keygen made no key") }
        return String(key)
    }
}
