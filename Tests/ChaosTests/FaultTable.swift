import Glibc
import ProcessKit
import Support
import TestSupport

/// Every fault that a campaign can inject.
enum FaultTable {
    /// Room for the images and logs of some thousand builds; only the used part takes memory.
    static let diskSize = "4g"

    static let all =
        kills + takeovers + packers + networks + hosts + disks + databases + clocks + stops

    // MARK: Killed processes

    private static let kills = [
        Fault(name: "coordinator killed, back at once") { killCoordinator($0) },
        Fault(name: "coordinator killed, back after a while", milliseconds: 500...4_000) {
            killCoordinator($0)
        },
        Fault(name: "agent killed, back at once") { killAgent($0) },
        Fault(name: "agent killed, back after a while", milliseconds: 500...4_000) {
            killAgent($0)
        },
        Fault(name: "agent and coordinator killed", milliseconds: 0...1_000) { scene in
            let agent = killAgent(scene)
            let coordinator = killCoordinator(scene)
            return Strike(
                target: "both", took: coordinator.took,
                lift: {
                    try await agent.lift()
                    try await coordinator.lift()
                })
        },
        Fault(name: "supervisor killed") { scene in
            guard let victim = scene.victim() else { return nil }
            kill(victim.supervisor, SIGKILL)
            return Strike(
                target: victim.token,
                excuse: .attempt(victim.token, codes: ["host.supervisor_lost"]))
        },
        Fault(name: "build's program killed") { scene in
            guard let victim = scene.victim() else { return nil }
            kill(victim.program, SIGKILL)
            return Strike(
                target: victim.token, excuse: .attempt(victim.token, codes: ["host.build_killed"]))
        },
    ]

    // MARK: Takeovers

    private static let takeovers = [
        Fault(name: "leader killed, a standby takes over") { try await takeOver($0, SIGKILL) },
        Fault(name: "leader stopped, a standby takes over") { try await takeOver($0, SIGSTOP) },
    ]

    /// Their recovery time is that of the takeover: until the standby leads, is connected to every
    /// host, and has caught up with every log.
    private static func takeOver(_ scene: Scene, _ signal: Int32) async throws -> Strike? {
        let farm = scene.farm
        guard let old = farm.coordinator else { return nil }
        let port = farm.port
        let standby = try await StandbyCoordinator(
            "standby\(UInt32.random(in: .min ... .max))", of: farm)
        old.signal(signal)
        farm.use(standby.program, port: standby.port)
        return Strike(
            target: "coordinator", healed: { try await standby.api.leader().isLeading },
            restore: {
                farm.use(old, port: port)
                if signal == SIGSTOP {
                    // A deposed coordinator executes itself again.
                    FarmClock.sweep(old.pid)
                    old.signal(SIGCONT)
                } else {
                    try await farm.startCoordinator(keepingPort: true)
                }
                try await eventually("the old leader stands by") {
                    try await farm.api.leader().url == standby.api.base
                }
                standby.program.signal(SIGTERM)
                _ = try await standby.program.exit()
                try await eventually("the first coordinator leads again") {
                    try await farm.api.leader().isLeading
                }
            })
    }

    // MARK: Builds by Packer

    private static let packers = [
        Fault(
            name: "QEMU of a Packer build killed", guestOS: Workload.packerGuestOS, isLong: true
        ) { killPacker($0, "qemu-system") },
        Fault(
            name: "Packer killed", guestOS: Workload.packerGuestOS, isLong: true
        ) { killPacker($0, "packer") },
    ]

    private static func killPacker(_ scene: Scene, _ program: String) -> Strike? {
        guard let victim = scene.victim(running: program) else { return nil }
        kill(victim.program, SIGKILL)
        return Strike(
            target: victim.token, excuse: .attempt(victim.token, codes: ["host.build_killed"]))
    }

    private static func killCoordinator(_ scene: Scene) -> Strike {
        let farm = scene.farm
        farm.coordinator?.kill()
        return Strike(
            target: "coordinator", took: { farm.coordinator?.status != nil },
            lift: { try await farm.startCoordinator(keepingPort: true) })
    }

    private static func killAgent(_ scene: Scene) -> Strike {
        let host = scene.host
        host.killDaemon()
        return Strike(
            target: host.name, took: { host.daemon?.status != nil },
            lift: { try host.startDaemon() })
    }

    // MARK: The network

    private static let networks = [
        Fault(name: "SSH sessions killed") { scene in
            scene.host.ssh.killSessions()
            return Strike(target: scene.host.name)
        },
        Fault(name: "gate killed") { scene in
            for pid in scene.host.gates { kill(pid, SIGKILL) }
            return Strike(target: scene.host.name)
        },
        network("network cut for seconds", .cut),
        network("network silent for seconds", .held),
        network("network deaf towards the host", .heldToServer),
        network("network deaf towards the coordinator", .heldToClient),
    ]

    private static func network(_ name: String, _ mode: TCPProxy.Mode) -> Fault {
        Fault(name: name, milliseconds: 200...5_000) { scene in
            let network = scene.host.network
            network?.set(mode)
            return Strike(
                target: scene.host.name,
                took: { mode != .cut || network?.connections == 0 },
                lift: { network?.set(.open) })
        }
    }

    // MARK: Hosts

    private static let hosts = [
        Fault(name: "host cut off until given up, then back") { scene in
            // Without a build nothing can be lost.
            guard let victim = scene.victim() else { return nil }
            let (host, api) = (victim.host, scene.farm.api)
            host.network?.set(.cut)
            return Strike(
                target: host.name, excuse: .host(host.name, codes: ["host.lost"]),
                took: { try await isGivenUp(victim.token, api) },
                lift: { host.network?.set(.open) },
                healed: { !host.attempts.contains(victim.token) })
        },
        Fault(name: "host rebooted", milliseconds: 0...4_000) { scene in
            let host = scene.host
            host.crash()
            return Strike(
                target: host.name,
                excuse: .host(host.name, codes: ["host.supervisor_lost", "host.lost"]),
                lift: { try await host.boot() })
        },
    ]

    private static func isGivenUp(_ token: String, _ api: FarmClient) async throws -> Bool {
        let builds = try await api.builds()
        return !builds.contains { $0.attempt == token && !$0.isEnded }
    }

    // MARK: Disks

    private static let disks = [
        Fault(name: "disk of a host full", milliseconds: 200...3_000) { scene in
            let (farm, host) = (scene.farm, scene.host)
            try await farm.fillDisk(host.stateFolder)
            let codes: Set = [
                "host.disk_full", "host.refused", "host.error", "host.supervisor_lost",
            ]
            return Strike(
                target: host.name, excuse: .host(host.name, codes: codes),
                took: { try Files.room(host.stateFolder).free < 65_536 },
                lift: { try await farm.emptyDisk(host.stateFolder, size: diskSize) })
        },
        Fault(name: "web root full", milliseconds: 200...3_000) { scene in
            try await full(scene.farm, scene.farm.webRoot)
        },
        Fault(name: "log store full", milliseconds: 200...3_000) { scene in
            try await full(scene.farm, scene.farm.logsFolder)
        },
    ]

    private static func full(_ farm: Farm, _ folder: String) async throws -> Strike {
        try await farm.fillDisk(folder)
        return Strike(
            target: folder, took: { try Files.room(folder).free < 65_536 },
            lift: { try await farm.emptyDisk(folder, size: diskSize) })
    }

    // MARK: The database

    private static let databases = [
        Fault(name: "database killed and back") { scene in
            try await scene.database.crashAndRestart()
            return Strike(target: "MariaDB")
        },
        Fault(name: "database stopped", milliseconds: 200...5_000) { scene in
            let database = scene.database
            try database.freeze()
            return Strike(target: "MariaDB", lift: { try database.thaw() })
        },
    ]

    // MARK: Clocks

    private static let clocks = [
        Fault(name: "clock of a host jumps", milliseconds: 500...4_000) { scene in
            try scene.host.clock.map { try jump($0, scene.dice, scene.host.name) }
        },
        Fault(name: "clock of the coordinator jumps", milliseconds: 500...4_000) { scene in
            try scene.farm.clock.map { try jump($0, scene.dice, "coordinator") }
        },
    ]

    /// Two hours, either way, and back.
    private static func jump(_ clock: FarmClock, _ dice: Int, _ target: String) throws -> Strike {
        let seconds = dice % 2 == 0 ? 7_200 : -7_200
        try clock.set(seconds: seconds)
        return Strike(target: "\(target) by \(seconds) s", lift: { try clock.set(seconds: 0) })
    }

    // MARK: Suspended processes

    private static let stops = [
        Fault(name: "coordinator stopped", milliseconds: 200...5_000) { scene in
            scene.farm.coordinator.map { stop($0.pid, "coordinator") }
        },
        Fault(name: "agent stopped", milliseconds: 200...5_000) { scene in
            scene.host.daemon.map { stop($0.pid, scene.host.name) }
        },
        Fault(name: "supervisor stopped", milliseconds: 200...5_000) { scene in
            scene.victim().map { stop($0.supervisor, $0.token) }
        },
        Fault(name: "build's program stopped", milliseconds: 200...5_000) { scene in
            scene.victim().map { stop($0.program, $0.token) }
        },
        Fault(name: "gate stopped", milliseconds: 200...5_000) { scene in
            let pids = scene.host.gates
            for pid in pids { kill(pid, SIGSTOP) }
            return Strike(
                target: scene.host.name, lift: { for pid in pids { kill(pid, SIGCONT) } })
        },
        Fault(name: "sshd stopped", milliseconds: 200...5_000) { scene in
            let ssh = scene.host.ssh
            ssh.freezeSessions()
            return Strike(target: scene.host.name, lift: { ssh.thawSessions() })
        },
    ]

    private static func stop(_ pid: Int32, _ target: String) -> Strike {
        kill(pid, SIGSTOP)
        return Strike(target: target, lift: { kill(pid, SIGCONT) })
    }
}
