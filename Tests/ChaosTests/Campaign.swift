import HTTPClientKit
import SQLKit
import Support
import TestSupport

/// Keeps a farm busy, injects one fault after another, and checks the farm after each.
struct Campaign {
    let farm: Farm
    let database: MariaDBServer
    let endpoint: MariaDBEndpoint
    private let watches: Watches
    private var ledger: Ledger
    private var chance: SeededGenerator
    private(set) var tallies: [String: Tally] = [:]
    private(set) var findings: [String] = []
    private var submitted = 0
    private let stretch: Int64
    private var lastCount = 0
    private var lastEnd: Int64 = 0
    /// Builds that have ended.
    var builds: Int { ledger.ended.count }

    private static let buildsInFlight = 7
    private static let recoverySeconds: Int64 = 90
    private static let drainSeconds: Int64 = 400
    private static let standstillSeconds: Int64 = 120
    private static let orphanSeconds: Int64 = 60

    init(
        _ farm: Farm, _ database: MariaDBServer, _ endpoint: MariaDBEndpoint, _ settings: Settings
    ) {
        self.farm = farm
        self.database = database
        self.endpoint = endpoint
        chance = SeededGenerator(seed: settings.seed)
        stretch = Int64(settings.stretch)
        watches = Watches(farm)
        ledger = Ledger(farm, watches)
    }

    /// - Parameter faults: injected in this order.
    mutating func run(_ faults: [Fault], say: (String) -> Void) async throws {
        try await Workload.register(farm)
        if faults.contains(where: { $0.guestOS == Workload.packerGuestOS }) {
            try await Workload.registerPacker(farm)
        }
        watches.start()
        defer { watches.stop() }
        for (number, fault) in faults.enumerated() {
            try await fill()
            let began = Clocks.monotonicMilliseconds()
            let target = try await round(fault)
            close(fault.name)
            let took = Tally.seconds(Clocks.monotonicMilliseconds() - began)
            say("\(number + 1)/\(faults.count) \(fault.name): \(target ?? "nothing") \(took) s")
        }
        try await drain()
        close("at the end")
    }

    /// Submits enough builds to keep every host busy.
    private mutating func fill() async throws {
        try await ledger.look()
        let now = Clocks.monotonicMilliseconds()
        if ledger.ended.count > lastCount || lastEnd == 0 {
            (lastCount, lastEnd) = (ledger.ended.count, now)
        }
        // Otherwise all other checks would pass on an idle farm.
        guard now - lastEnd < Self.standstillSeconds * 1000 * stretch else {
            throw Failure("no build has ended for \((now - lastEnd) / 1000) s")
        }
        while ledger.open.count < Self.buildsInFlight {
            let guestOS = Workload.guestOSes[submitted % Workload.guestOSes.count]
            ledger.add(try await farm.api.submit(guestOS))
            submitted += 1
        }
    }

    private mutating func close(_ name: String) {
        let (tally, found) = ledger.take()
        var sum = tallies[name] ?? Tally()
        sum.lostBuilds += tally.lostBuilds
        sum.lostLogBytes += tally.lostLogBytes
        sum.doubleRuns += tally.doubleRuns
        sum.doublePublishes += tally.doublePublishes
        sum.orphans += tally.orphans
        tallies[name] = sum
        findings += found.map { "\(name): \($0)" }
    }

    // MARK: One fault

    private mutating func round(_ fault: Fault) async throws -> String? {
        let scene = Scene(
            farm: farm, database: database, host: chance.one(of: farm.hosts),
            dice: chance.below(1_000))
        if let guestOS = fault.guestOS, !ledger.open.contains(where: { $0.guestOS == guestOS }) {
            ledger.add(try await farm.api.submit(guestOS, priority: 1))
        }
        let lasts = Int64(chance.within(fault.milliseconds)) * stretch
        // A random moment during the running builds.
        try await pause(Int64(chance.below(1_500)))
        guard let strike = try await strike(fault, scene) else { return nil }
        tallies[fault.name, default: Tally()].times += 1
        ledger.excuse(strike.excuse)
        try await eventually(
            "\(fault.name) on \(strike.target) took", seconds: Self.recoverySeconds * stretch
        ) {
            try await strike.took()
        }
        try await pause(lasts)
        let marks = logSizes()
        let began = Clocks.monotonicMilliseconds()
        try await strike.lift()
        var missing = ""
        try await eventually(
            "\(fault.name) on \(strike.target) healed: \(missing)",
            seconds: Self.recoverySeconds, everyMilliseconds: 20
        ) {
            missing = try await whatIsMissing(marks)
            return missing.isEmpty ? try await strike.healed() : false
        }
        tallies[fault.name, default: Tally()].recoveryMilliseconds.append(
            Clocks.monotonicMilliseconds() - began)
        try await strike.restore()
        try await ledger.look()
        try await settleExcuses(strike.excuse)
        try await countOrphans()
        return strike.target
    }

    /// Builds start and end all the time, so a target may take a moment to appear.
    private func strike(_ fault: Fault, _ scene: Scene) async throws -> Strike? {
        let deadline = Clocks.monotonicMilliseconds() + (fault.guestOS == nil ? 15_000 : 90_000)
        while Clocks.monotonicMilliseconds() < deadline {
            if let strike = try await fault.strike(scene) { return strike }
            try await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }

    /// Lets the farm work for this time.
    private func pause(_ milliseconds: Int64) async throws {
        let end = Clocks.monotonicMilliseconds() + milliseconds
        while Clocks.monotonicMilliseconds() < end {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// What ran on the host must have ended before its excuse expires.
    private mutating func settleExcuses(_ excuse: Excuse) async throws {
        guard case .host(let name, _) = excuse else { return }
        guard let host = farm.hosts.first(where: { $0.name == name }) else { return }
        let tokens = Set(host.attempts)
        let deadline = Clocks.monotonicMilliseconds() + Self.recoverySeconds * 1000
        while Clocks.monotonicMilliseconds() < deadline, !tokens.isDisjoint(with: host.attempts) {
            try await Task.sleep(for: .milliseconds(50))
        }
        try await ledger.look()
        ledger.endExcuses()
    }

    // MARK: Recovery

    private func logSizes() -> [(host: FarmHost, token: String, bytes: Int64)] {
        farm.hosts.flatMap { host in
            host.attempts.map { token in
                let path = "\(host.stateFolder)/attempts/\(token)/log.ndjson"
                return (host, token, Files.sizeBytes(path) ?? 0)
            }
        }
    }

    /// Empty when the coordinator serves, every host is connected, and every log has caught up.
    private func whatIsMissing(
        _ marks: [(host: FarmHost, token: String, bytes: Int64)]
    ) async throws -> String {
        guard (try? await farm.api.get("/readyz").status) == 200 else { return "readiness" }
        for host in farm.hosts {
            guard let view = try? await farm.api.host(host.name) else { return host.name }
            guard ["ready", "quarantined"].contains(view.state) else {
                return "\(host.name) is \(view.state): \(view.detail)"
            }
        }
        for (host, token, bytes) in marks
        where Files.exists("\(host.stateFolder)/attempts/\(token)") {
            let path = "\(farm.logsFolder)/\(token.prefix(2))/\(token).ndjson"
            let here = Files.sizeBytes(path) ?? 0
            if here < bytes { return "\(token) of \(host.name): \(here) bytes of \(bytes)" }
        }
        return ""
    }

    // MARK: The end

    private mutating func drain() async throws {
        let deadline = Clocks.monotonicMilliseconds() + Self.drainSeconds * 1000
        while true {
            try await ledger.look()
            guard !ledger.open.isEmpty, Clocks.monotonicMilliseconds() < deadline else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        ledger.countLost(ledger.open)
        try await countOrphans()
        let sql = try await SQLDatabase.open(.mariadb(endpoint))
        let rows = try await sql.query("SELECT image_name, get_url FROM build_log")
        await sql.close()
        ledger.judgeTheWhole(
            rows: try rows.map { (try $0.text("image_name"), try $0.text("get_url")) })
    }

    /// Counts what remains after a minute. Builds start and end meanwhile, so only what is seen in
    /// every check counts.
    private mutating func countOrphans() async throws {
        let deadline = Clocks.monotonicMilliseconds() + Self.orphanSeconds * 1000
        var left: Set<String>?
        while left?.isEmpty != true, Clocks.monotonicMilliseconds() < deadline {
            var orphans = Orphans(farm: farm, endpoint: endpoint)
            orphans.builds = try await farm.api.builds().filter { !$0.isEnded }
            let found = try await orphans.all()
            left = left?.intersection(found) ?? found
            if !found.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
        }
        ledger.countOrphans((left ?? []).sorted())
    }
}
