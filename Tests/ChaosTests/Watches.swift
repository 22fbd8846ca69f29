import Glibc
import Support
import Synchronization
import TestSupport

/// Observes the farm from outside all the time, and records problems.
final class Watches: Sendable {
    private struct State {
        /// Names in the web root with the stamp of the checked file.
        var stamps: [String: String] = [:]
        var findings: [String] = []
        var keptLogs: Set<String> = []
    }

    private let farm: Farm
    private let state = Mutex(State())
    private let tasks = Mutex<[Task<Void, Never>]>([])

    private static let pauseMilliseconds: Int64 = 10

    init(_ farm: Farm) { self.farm = farm }

    func start() {
        let looks: [@Sendable (Watches) -> Void] = [{ $0.lookAtWebRoot() }, { $0.keepLogs() }]
        for look in looks {
            let task = Task { [weak self] in
                while !Task.isCancelled, let self {
                    look(self)
                    try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
                }
            }
            tasks.withLock { $0.append(task) }
        }
    }

    func stop() { for task in tasks.withLock(\.self) { task.cancel() } }

    /// Problems in the web root since the last call.
    func takeFindings() -> [String] {
        state.withLock { state in
            defer { state.findings = [] }
            return state.findings
        }
    }

    // MARK: The web root

    /// Every visible image must be one that an attempt made, complete.
    private func lookAtWebRoot() {
        let root = "\(farm.webRoot)/images/build"
        for guestOS in Workload.guestOSes {
            let folder = "\(root)/\(guestOS)"
            for name in (try? Files.list(folder)) ?? [] where !name.hasPrefix(".") {
                let path = "\(folder)/\(name)"
                guard let stamp = Files.stamp(path),
                    state.withLock({ $0.stamps[path] }) != stamp
                else { continue }
                judge(path, stamp)
            }
        }
    }

    private func judge(_ path: String, _ stamp: String) {
        let isWhole: Bool
        if path.hasSuffix(".raw") {
            guard let digest = try? SHA256.file(path) else { return }
            isWhole = Workload.made(farm).values.contains { $0.sha256 == digest }
        } else {
            guard let bytes = try? Files.read(path, limitBytes: 64 << 20) else { return }
            isWhole = [0x0A, UInt8(ascii: "}")].contains(bytes.last)
        }
        // Withdrawn or replaced while it was read: its replacement is checked next.
        guard Files.stamp(path) == stamp else { return }
        state.withLock { state in
            state.stamps[path] = stamp
            if !isWhole { state.findings.append("\(path) was visible and is no whole file") }
        }
    }

    // MARK: Logs

    /// A hard link to the agent's log, so that it can be compared after the agent deleted it.
    private func keepLogs() {
        for host in farm.hosts {
            let folder = keptFolder(host)
            for token in host.attempts
            where !state.withLock({ $0.keptLogs.contains(token) }) {
                mkdir(folder, 0o700)
                let log = "\(host.stateFolder)/attempts/\(token)/log.ndjson"
                if link(log, "\(folder)/\(token)") == 0 {
                    state.withLock { _ = $0.keptLogs.insert(token) }
                }
            }
        }
    }

    private func keptFolder(_ host: FarmHost) -> String { "\(host.stateFolder)/kept" }

    /// The agent's own log of an attempt that has ended. It is no longer kept afterwards.
    func takeKeptLog(_ token: String, _ hostName: String) -> [UInt8]? {
        guard let host = farm.hosts.first(where: { $0.name == hostName }) else { return nil }
        let path = "\(keptFolder(host))/\(token)"
        let bytes = try? Files.read(path, limitBytes: 1 << 30)
        unlink(path)
        return bytes
    }
}
