import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import Synchronization

/// Hosts in memory: one is lost, and the others build what they are given.
final class DemoHosts: Sendable {
    let gateway: InMemoryHostGateway
    private let work: DemoWork

    init(now: Int64) {
        let work = DemoWork()
        self.work = work
        gateway = InMemoryHostGateway(
            Catalog.hosts(createdMilliseconds: 0).enumerated().map { index, host in
                InMemoryAgent(
                    name: host.name, report: Self.report(index, now: now),
                    sha256: { SHA256.hex($0) })
            }, work: { start, agent in work.begin(start, on: agent.name) })
        work.gateway.withLock { $0 = gateway }
    }

    func start() async { await gateway.setReachable(false, "kvm07") }

    private static func report(_ index: Int, now: Int64) -> HostReport {
        let isSmall = index % 5 == 3
        return HostReport(
            slots: isSmall ? 2 : 4, vcpus: isSmall ? 16 : 64,
            memoryBytes: isSmall ? 64 << 30 : 256 << 30,
            diskFreeBytes: Int64(300 + index * 11) << 30, diskTotalBytes: 900 << 30,
            accelerators: index == 21 ? [.tcg] : [.kvm, .tcg], tags: [], packerVersion: "1.11.2",
            qemuVersion: "7.2.15", runsTests: true,
            testAbilities: TestAbility.allCases.map(\.rawValue),
            buildAbilities: BuildAbility.allCases.map(\.rawValue), unixMilliseconds: now,
            notices: index == 21 ? ["/dev/kvm exists but guests hang under it: tcg is used"] : [])
    }
}

/// What hosts do with a build: they print a log, and end it.
final class DemoWork: Sendable {
    let gateway = Mutex<InMemoryHostGateway?>(nil)
    private let clock = SystemClock()
    private let chance = Mutex(SeededChance())

    func begin(_ start: Start, on host: String) -> [AgentMessage] {
        Task { await carryOut(start, on: host) }
        return []
    }

    private func below(_ limit: Int) -> Int { chance.withLock { $0.below(limit) } }

    private func carryOut(_ start: Start, on host: String) async {
        guard let gateway = gateway.withLock({ $0 }) else { return }
        let fault = below(12) == 0 ? Catalog.fault(below(Catalog.faults.count)) : nil
        let lines = DemoLog.lines(start.build.guestOS, fault)
        let pause = Int64(200 + below(600))
        for line in lines {
            try? await clock.sleep(milliseconds: pause)
            let record = "{\"t\":\(Clocks.unixMilliseconds()),\"s\":\"out\",\"m\":\"\(line)\"}\n"
            await gateway.change(host) { $0.write(start.attempt, Array(record.utf8)) }
        }
        let image = [UInt8](repeating: UInt8(below(256)), count: 4096)
        await gateway.change(host) { agent in
            agent.finish(
                start.attempt, Outcome(fault: fault, exitCode: fault == nil ? 0 : 1),
                artifacts: fault == nil ? [("disk.qcow2", .qcow2, image)] : [])
        }
    }
}
