import Support
import TestSupport

/// The builds of a campaign and their outcomes, judged against what the faults excuse.
struct Ledger {
    let farm: Farm
    let watches: Watches
    private(set) var open: [FarmBuild] = []
    private(set) var ended: [FarmBuild] = []
    /// Attempts whose outcome has been judged.
    private var judged: Set<String> = []
    private var excusedAttempts: [String: Set<String>] = [:]
    private var excusedHosts: [String: Set<String>] = [:]
    private var countedRuns: Set<String> = []
    /// Problems found since the last call.
    private(set) var findings: [String] = []
    private(set) var tally = Tally()

    init(_ farm: Farm, _ watches: Watches) {
        self.farm = farm
        self.watches = watches
    }

    mutating func take() -> (tally: Tally, findings: [String]) {
        defer {
            tally = Tally()
            findings = []
        }
        return (tally, findings)
    }

    mutating func add(_ build: FarmBuild) { open.append(build) }

    mutating func excuse(_ excuse: Excuse) {
        switch excuse {
        case .nothing: break
        case .attempt(let token, let codes): excusedAttempts[token, default: []].formUnion(codes)
        case .host(let name, let codes): excusedHosts[name, default: []].formUnion(codes)
        }
    }

    /// Ends the excuse of a host that has recovered.
    mutating func endExcuses() { excusedHosts = [:] }

    mutating func report(_ finding: String) { findings.append(finding) }

    mutating func countOrphans(_ orphans: [String]) {
        tally.orphans += orphans.count
        findings += orphans.map { "an orphan: \($0)" }
    }

    mutating func countLost(_ builds: [FarmBuild]) {
        tally.lostBuilds += builds.count
        findings += builds.map { "\($0.guestOS)/\($0.number) does not end: \(Self.show($0))" }
    }

    /// Queries every open build and judges what has ended since.
    mutating func look() async throws {
        for (token, count) in Workload.begun(farm)
        where count > 1 && countedRuns.insert(token).inserted {
            tally.doubleRuns += 1
            findings.append("the script of attempt \(token) began \(count) times")
        }
        for finding in watches.takeFindings() {
            tally.doublePublishes += 1
            findings.append(finding)
        }
        var still: [FarmBuild] = []
        for build in open {
            let now = try await farm.api.build(build.id)
            for attempt in now.attempts ?? [] where attempt.outcome != nil {
                try judge(attempt, of: now)
            }
            if now.isEnded {
                judge(now)
                ended.append(now)
            } else {
                still.append(now)
            }
        }
        open = still
    }

    // MARK: Attempts

    private mutating func judge(_ attempt: FarmBuild.Attempt, of build: FarmBuild) throws {
        guard judged.insert(attempt.attempt).inserted else { return }
        let name = "\(build.guestOS)/\(build.number) attempt \(attempt.ordinal) \(attempt.attempt)"
        let hasRun =
            Workload.begun(farm)[attempt.attempt] != nil
            || build.guestOS == Workload.packerGuestOS
        if let fault = attempt.outcome?.fault, hasRun,
            excusedAttempts[attempt.attempt]?.contains(fault.code) != true,
            excusedHosts[attempt.host]?.contains(fault.code) != true
        {
            tally.doubleRuns += 1
            findings.append(
                "\(name) on \(attempt.host) ended without cause: "
                    + "\(fault.code) …\(fault.reason.suffix(200))")
        }
        let kept = watches.takeKeptLog(attempt.attempt, attempt.host)
        // Without a digest, the host never reported how the attempt ended.
        guard let digest = attempt.logSHA256, let size = attempt.logBytes else { return }
        let path = "\(farm.logsFolder)/\(attempt.attempt.prefix(2))/\(attempt.attempt).ndjson"
        let log = (try? Files.read(path, limitBytes: 1 << 30)) ?? []
        if SHA256.hex(log) != digest || Int64(log.count) != size {
            tally.lostLogBytes += max(1, Int(size) - log.count)
            findings.append("\(name): the log has \(log.count) bytes, the agent's had \(size)")
        }
        if let kept, kept != log {
            tally.lostLogBytes += max(1, abs(kept.count - log.count))
            findings.append("\(name): the log differs from the agent's file")
        }
        if attempt.outcome?.fault == nil, let made = Workload.made(farm)[attempt.attempt] {
            let wrong = Workload.wrongLines(in: log, of: made)
            if wrong > 0 {
                tally.lostLogBytes += wrong
                findings.append("\(name): \(wrong) lines are missing or doubled")
            }
        }
    }

    // MARK: Builds

    private mutating func judge(_ build: FarmBuild) {
        let attempts = build.attempts ?? []
        switch build.state {
        case "passed" where build.guestOS == Workload.packerGuestOS: break
        case "passed":
            guard let last = attempts.last, let made = Workload.made(farm)[last.attempt],
                made.sha256 == build.image?.sha256
            else {
                tally.doublePublishes += 1
                findings.append("\(build.guestOS)/\(build.number): another image than its own")
                return
            }
        case "failed" where isGivenUp(build, attempts): break
        default:
            tally.lostBuilds += 1
            findings.append("\(build.guestOS)/\(build.number): \(Self.show(build))")
        }
    }

    /// Whether the retry policy gives up: three lost hosts, or five attempts.
    private func isGivenUp(_ build: FarmBuild, _ attempts: [FarmBuild.Attempt]) -> Bool {
        let faults = attempts.compactMap { $0.outcome?.fault }
        guard build.fault?.class == "infrastructure",
            faults.allSatisfy({ $0.class == "infrastructure" })
        else { return false }
        let lost = attempts.filter {
            ["host.lost", "host.supervisor_lost"].contains($0.outcome?.fault?.code ?? "")
        }
        return attempts.count >= 5 || Set(lost.map(\.host)).count >= 3
    }

    private static func show(_ build: FarmBuild) -> String {
        let attempts = (build.attempts ?? []).map(\.summary).joined(separator: ", ")
        return "\(build.state) \(build.phase ?? ""); \(attempts); "
            + "\(build.fault.map { "\($0.code) …\($0.reason.suffix(200))" } ?? "")"
    }

    // MARK: The end

    /// Compares the web root and the rows with the builds.
    mutating func judgeTheWhole(rows: [(image: String, url: String)]) {
        let passed = ended.filter { $0.state == "passed" }
        let wanted = passed.compactMap(\.image)
        if rows.map(\.image).sorted() != wanted.map(\.name).sorted() {
            tally.doublePublishes += max(1, abs(rows.count - wanted.count))
            findings.append("build_log has \(rows.count) rows for \(wanted.count) images")
        }
        var visible: [String] = []
        for guestOS in Workload.guestOSes + [Workload.packerGuestOS] {
            // The location of built images, and that of images whose tests have passed.
            for folder in ["images/build/\(guestOS)", "images/release/\(guestOS)"] {
                let names = (try? Files.list("\(farm.webRoot)/\(folder)")) ?? []
                let paths = names.map { "\(folder)/\($0)" }
                visible += paths.filter { $0.hasSuffix(".raw") || $0.hasSuffix(".qcow2") }
                countOrphans(
                    zip(names, paths).filter { $0.0.hasPrefix(".") }
                        .map { "\(farm.webRoot)/\($0.1)" })
            }
        }
        if visible.sorted() != wanted.map(\.path).sorted() {
            tally.doublePublishes += 1
            let extra = Set(visible).symmetricDifference(wanted.map(\.path)).sorted()
            findings.append("the web root's images are not those of the rows: \(extra)")
        }
        for image in passed.compactMap(\.image) {
            let digest = try? SHA256.file("\(farm.webRoot)/\(image.path)")
            guard digest != image.sha256 else { continue }
            tally.doublePublishes += 1
            findings.append("\(image.path) is \(digest ?? "not there"), not \(image.sha256)")
        }
    }
}
