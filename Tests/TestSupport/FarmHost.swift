import Glibc
import SSHKit
import Support
import Synchronization

/// A KVM host on loopback: a private sshd whose only key has the gate as its forced command, and an
/// agent with its own state folder.
public final class FarmHost: Sendable {
    public let name: String
    public let ssh: SSHServer
    /// The agent's state folder.
    public let stateFolder: String
    public let configPath: String
    /// Its daemon's clock, if the setup has clocks.
    public let clock: FarmClock?
    /// The network in front of it, if the setup has one.
    public let network: TCPProxy?
    private let logPath: String
    private let current = Mutex<FarmProgram?>(nil)

    init(
        _ name: String, folder: String, key: String, lines: [String], gateScript: String?,
        hasNetwork: Bool = false, hasClock: Bool = false, sshd: [String] = []
    ) async throws {
        self.name = name
        stateFolder = "\(folder)/\(name)"
        configPath = "\(folder)/\(name).yml"
        logPath = "\(folder)/\(name).log"
        let config =
            [
                "state_folder: \(stateFolder)", "accelerator: tcg",
                // What builds and tests tell each other.
                "read_write: [\(folder)/shared]",
                // The coordinator's images are base images as well.
                "base_image_networks: [127.0.0.1]",
            ] + lines
        try Files.replace(configPath, with: (config.joined(separator: "\n") + "\n").utf8)
        let agent = try FarmProgram.path("aibuild-agent")
        var command = "\(agent) gate --config \(configPath)"
        if let gateScript {
            let path = "\(folder)/\(name)-gate.sh"
            try Files.replace(path, with: ("#!/bin/sh\n" + gateScript + "\n").utf8, mode: 0o755)
            command = "\(path) \(agent) \(configPath)"
        }
        var configuration = SSHServer.Configuration()
        configuration.clientKeyTypes = []
        configuration.lines = sshd
        ssh = try await SSHServer.start(configuration)
        clock = hasClock ? try FarmClock("\(folder)/\(name).clock") : nil
        network = hasNetwork ? try TCPProxy(to: ssh.port) : nil
        try allow("restrict,command=\"\(command)\" \(key)")
    }

    /// Replaces the keys that may log in.
    public func allow(_ line: String) throws {
        try Files.replace(
            ssh.folder + "/authorized_keys", with: (line + "\n").utf8, mode: 0o600)
    }

    public var address: String {
        var endpoint = ssh.endpoint
        endpoint.port = network?.port ?? endpoint.port
        return endpoint.description
    }

    /// The running daemon.
    public var daemon: FarmProgram? { current.withLock(\.self) }

    public func startDaemon() throws {
        let program = try FarmProgram(
            "aibuild-agent", ["daemon", "--config", configPath], logPath: logPath,
            clock: clock)
        current.withLock { $0 = program }
    }

    /// Kills the daemon. Its socket and the gates' sessions end with it; the builds run on.
    public func killDaemon() { daemon?.kill() }

    /// The gates, which connect the coordinator's sessions to the daemon.
    public var gates: [Int32] {
        FarmFolder.processes(mentioning: configPath).filter { pid in
            let bytes = (try? Files.read("/proc/\(pid)/cmdline", limitBytes: 1 << 20)) ?? []
            return bytes.split(separator: 0).dropFirst().first?.elementsEqual("gate".utf8) == true
        }
    }

    /// Crashes the host as a power cut would: its processes end, the disk remains.
    public func crash() {
        ssh.crash()
        killDaemon()
        for _ in 0..<20 {
            let found = FarmFolder.processes(mentioning: stateFolder)
            if found.isEmpty { return }
            for pid in found { kill(pid, SIGKILL) }
        }
    }

    /// Starts the host after `crash`.
    public func boot() async throws {
        try await ssh.restart()
        try startDaemon()
    }

    /// Attempts on the host's disk.
    public var attempts: [String] { (try? Files.list("\(stateFolder)/attempts")) ?? [] }
    /// Templates that Packer looks at before a build.
    public var checks: [String] {
        ((try? Files.list("\(stateFolder)/checks")) ?? []).filter { $0 != "lock" }
    }

    /// The log of an attempt on the host's disk.
    public func log(_ attempt: String) throws -> [UInt8] {
        try Files.read("\(stateFolder)/attempts/\(attempt)/log.ndjson", limitBytes: 1 << 30)
    }

    public var agentLog: String { daemon?.log ?? "" }
}
