import ProcessKit
import Support
import TestSupport

/// The farm that a fault is injected into, and the random choices made for it.
struct Scene: Sendable {
    let farm: Farm
    let database: MariaDBServer
    let host: FarmHost
    let dice: Int

    /// An attempt whose program is running.
    struct Victim: Sendable {
        var host: FarmHost
        var token: String
        var supervisor: Int32
        var program: Int32
    }

    /// One of the running attempts, on the chosen host if it has any.
    func victim() -> Victim? {
        let others = farm.hosts.filter { $0.name != host.name }
        for host in [host] + others {
            let found = victims(on: host)
            if !found.isEmpty { return found[dice % found.count] }
        }
        return nil
    }

    /// A program of a build by Packer.
    /// - Parameter name: the prefix of the program's name.
    func victim(running name: String) -> Victim? {
        for host in farm.hosts {
            for (pid, token) in ProcessTable.withVariable("AIBUILD_ATTEMPT", where: { _ in true }) {
                let folder = "\(host.stateFolder)/attempts/\(token)"
                let comm = (try? Files.read("/proc/\(pid)/comm", limitBytes: 64)) ?? []
                guard String(decoding: comm, as: UTF8.self).hasPrefix(name),
                    let supervisor = FileLock.holder("\(folder)/lock")
                else { continue }
                return Victim(host: host, token: token, supervisor: supervisor, program: pid)
            }
        }
        return nil
    }

    private func victims(on host: FarmHost) -> [Victim] {
        let parents = Dictionary(
            ProcessTable.all().map { ($0.pid, $0.parent) }, uniquingKeysWith: { $1 })
        let begun = Workload.begun(farm)
        return host.attempts.compactMap { token in
            let folder = "\(host.stateFolder)/attempts/\(token)"
            guard begun[token] != nil, !Files.exists("\(folder)/result.json"),
                FileLock.isHeld("\(folder)/lock"),
                let supervisor = FileLock.holder("\(folder)/lock"),
                let program = ProcessTable.withVariable("AIBUILD_ATTEMPT", where: { $0 == token })
                    .first(where: { parents[$0.pid] == supervisor })
            else { return nil }
            return Victim(
                host: host, token: token, supervisor: supervisor, program: program.pid)
        }
    }
}
