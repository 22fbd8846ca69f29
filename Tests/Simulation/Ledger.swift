import BuildProtocol
import CoordinatorCore
import Synchronization

/// What is true, kept beside what the coordinators do, and the invariants that every change must
/// keep. The first breach is kept, and ends the run.
final class Ledger: Sendable {
    /// An attempt, from its claim on.
    struct Known {
        var build: String
        var host: String
        /// What it takes of the host until it has ended there; `nil` from then on.
        var taken: Requirements?
        /// The digests on the agent's disk, once it has ended there.
        var imageSHA256: String?
        var logSHA256: String?
    }

    /// Faults in a row that speak against a host.
    private struct Blame {
        var failures = 0
        var lastMilliseconds: Int64 = 0
    }

    /// What the attempts on a host take of it, as far as a coordinator can know.
    private struct Load {
        var slots = 0
        var memoryBytes: Int64 = 0
        /// The host has claimed to be larger than it is.
        var hasLied = false
    }

    private struct State {
        var builds: [String: Build] = [:]
        var live: Set<String> = []
        var ended: [BuildState: Int] = [:]
        var attempts: [AttemptToken: Known] = [:]
        var faults: [String: [(host: String, fault: Fault)]] = [:]
        var images: [String: WebDisk.Image] = [:]
        var blame: [String: Blame] = [:]
        var loads: [String: Load] = [:]
        var checks = 0
        var breach: String?
    }

    /// Decisions made before a fault was known are carried out up to so much later.
    private static let decisionMilliseconds: Int64 = 120_000
    private let state = Mutex(State())
    private let clock: VirtualClock
    private let trace: Trace

    init(clock: VirtualClock, trace: Trace) {
        self.clock = clock
        self.trace = trace
    }

    // MARK: What is there

    func build(_ id: String) -> Build? { state.withLock { $0.builds[id] } }
    var buildCount: Int { state.withLock { $0.builds.count } }
    var liveCount: Int { state.withLock { $0.live.count } }
    var endedByState: [BuildState: Int] { state.withLock(\.ended) }
    var attemptCount: Int { state.withLock { $0.attempts.count } }
    var checks: Int { state.withLock(\.checks) }
    var breach: String? { state.withLock(\.breach) }
    var liveBuilds: [Build] {
        state.withLock { state in state.live.sorted().compactMap { state.builds[$0] } }
    }
    var allBuilds: [Build] {
        state.withLock { state in state.builds.values.sorted { $0.id < $1.id } }
    }

    func fail(_ why: String) { state.withLock { breach(&$0, why) } }

    private func breach(_ state: inout State, _ why: String) {
        guard state.breach == nil else { return }
        state.breach = why
        trace.line("BREACH \(why)")
    }

    private func expect(_ state: inout State, _ holds: Bool, _ why: @autoclosure () -> String) {
        state.checks += 1
        if !holds { breach(&state, why()) }
    }

    // MARK: Rows

    func enqueued(_ build: Build) {
        state.withLock { state in
            guard state.builds[build.id] == nil else { return }
            state.builds[build.id] = build
            state.live.insert(build.id)
        }
        trace.line("\(build.id) \(build.guestOS)/\(build.number) queued")
    }

    func requestedCancel(_ build: Build) {
        state.withLock { $0.builds[build.id] = build }
        trace.line("\(build.id) cancel requested")
    }

    /// - Parameter logSHA256: of the log that is stored for the attempt that ended.
    func changed(
        _ before: Build, _ change: BuildChange, to after: Build, logSHA256: String?
    ) {
        // A change that had taken effect before.
        guard before != after else { return }
        trace.line(
            "\(after.id) \(before.state.rawValue) -> \(after.state.rawValue) "
                + "\(after.stage.rawValue) \(after.attempt?.text ?? "-") \(after.host ?? "-") "
                + (after.fault?.code.rawValue ?? ""))
        state.withLock { state in
            let name =
                "build \(after.id) (\(before.state.rawValue) -> \(after.state.rawValue))"
            expect(&state, state.builds[after.id] == before, "\(name): the row changed unseen")
            expect(&state, !before.state.isEnded, "\(name): it had ended before")
            expect(
                &state, change.owner == nil || change.owner == before.attempt,
                "\(name): changed by a superseded attempt")
            expect(
                &state,
                before.state.mayBecome(after.state),
                "\(name): this does not follow")
            if let begin = change.begin { claimed(begin, before, &state) }
            if let end = change.end { ended(end, before, change, after, logSHA256, &state) }
            imageMatches(after, name, &state)
            if after.state == .cancelled {
                expect(&state, before.cancelRequested, "\(name): nobody asked for it")
            }
            state.builds[after.id] = after
            if after.state.isEnded {
                state.live.remove(after.id)
                state.ended[after.state, default: 0] += 1
                state.faults[after.id] = nil
            } else if before.stage != after.stage {
                state.faults[after.id] = nil
            }
        }
    }

    private func claimed(_ begin: Attempt, _ before: Build, _ state: inout State) {
        expect(
            &state, begin.ordinal == before.attemptCount + 1,
            "build \(before.id): attempt \(begin.ordinal) after \(before.attemptCount)")
        expect(&state, state.attempts[begin.token] == nil, "token \(begin.token) is used twice")
        let blame = state.blame[begin.host] ?? Blame()
        let sinceFault = clock.monotonicMilliseconds() - blame.lastMilliseconds
        expect(
            &state,
            sinceFault < Self.decisionMilliseconds
                || sinceFault >= RetryPolicy.quarantineMilliseconds(failures: blame.failures),
            "build \(before.id): starts on \(begin.host), which is quarantined")
        let plan = before.plan
        let needs =
            begin.stage == .test
            ? plan.tests?.requirements ?? plan.requirements : plan.requirements
        state.attempts[begin.token] = Known(build: before.id, host: begin.host, taken: needs)
        var load = state.loads[begin.host] ?? Load()
        load.slots += 1
        load.memoryBytes += needs.memoryBytes
        state.loads[begin.host] = load
        expect(
            &state,
            load.hasLied
                || load.slots <= SimulatedAgent.slots
                    && load.memoryBytes <= SimulatedAgent.memoryBytes,
            "build \(before.id): starts on \(begin.host), which has no room for it")
    }

    /// Its host has room for another attempt.
    private func leave(_ token: AttemptToken, _ state: inout State) {
        guard let known = state.attempts[token], let needs = known.taken else { return }
        state.attempts[token]?.taken = nil
        state.loads[known.host]?.slots -= 1
        state.loads[known.host]?.memoryBytes -= needs.memoryBytes
    }

    /// Whoever claimed the build does not know that it has.
    func claimUnheard(_ token: AttemptToken) { state.withLock { leave(token, &$0) } }

    func lied(_ host: String) { state.withLock { $0.loads[host, default: Load()].hasLied = true } }

    private func ended(
        _ end: AttemptEnd, _ before: Build, _ change: BuildChange, _ after: Build,
        _ logSHA256: String?, _ state: inout State
    ) {
        guard let token = change.owner, let host = before.host else { return }
        leave(token, &state)
        let name = "attempt \(token) of build \(before.id)"
        let fault = end.outcome.fault
        switch fault?.class {
        case nil, .template:
            let known = state.attempts[token]
            expect(
                &state, logSHA256 == known?.logSHA256 && end.logSHA256 == known?.logSHA256,
                "\(name): the log is not the agent's")
            expect(
                &state, fault == nil || after.state == .failed || after.state == .cancelled,
                "\(name): a template fault is tried again")
        case .infrastructure:
            if let fault { state.faults[before.id, default: []].append((host, fault)) }
            let faults = state.faults[before.id] ?? []
            let killed = Set(
                faults.filter { [.hostLost, .supervisorLost].contains($0.fault.code) }.map(\.host))
            let isLast =
                faults.count >= RetryPolicy.attempts || killed.count >= RetryPolicy.hostsKilled
            expect(
                &state, !isLast || after.state != .queued || before.cancelRequested,
                "\(name): \(faults.count) faults, and it is tried again")
            expect(
                &state, isLast || after.state != .failed,
                "\(name): given up after \(faults.count) faults")
        case .cancelled:
            expect(&state, before.cancelRequested, "\(name): nobody asked to cancel it")
        }
        blame(host, fault, &state)
    }

    private func blame(_ host: String, _ fault: Fault?, _ state: inout State) {
        guard let fault, fault.class == .infrastructure else {
            state.blame[host]?.failures = 0
            return
        }
        guard fault.code.blamesHost else { return }
        state.blame[host, default: Blame()].failures += 1
        state.blame[host]?.lastMilliseconds = clock.monotonicMilliseconds()
    }

    /// An admin vouched for the host, or a coordinator begins that knows nothing of it.
    func forgive(_ host: String?) {
        state.withLock { state in
            if let host { state.blame[host] = nil } else { state.blame = [:] }
        }
    }

    private func imageMatches(_ after: Build, _ name: String, _ state: inout State) {
        let shown = state.images[after.id]
        if after.state == .passed {
            expect(&state, after.image != nil, "\(name): passed without an image")
        }
        if let image = after.image {
            expect(
                &state, shown?.attempt == image.attempt && shown?.path == image.path,
                "\(name): its row has the image \(image.path), the web root "
                    + (shown?.path ?? "has none"))
        } else if after.state.isEnded || after.state == .queued {
            expect(&state, shown == nil, "\(name): the web root shows \(shown?.path ?? "")")
        }
    }

    // MARK: Hosts

    func began(_ token: AttemptToken, of build: String, on host: String) {
        trace.line("\(host) begins \(token) of \(build)")
        state.withLock { state in
            let known = state.attempts[token]
            expect(
                &state, known?.build == build && known?.host == host,
                "\(host) begins \(token), which nobody claimed for it")
        }
    }

    func finished(_ result: Finished, on host: String) {
        trace.line(
            "\(host) finishes \(result.attempt) \(result.outcome.fault?.code.rawValue ?? "passed")")
        state.withLock { state in
            state.attempts[result.attempt]?.imageSHA256 = result.artifacts.first?.sha256
            state.attempts[result.attempt]?.logSHA256 = result.logSHA256
            leave(result.attempt, &state)
        }
    }

    /// Whether the build still waits for this attempt.
    func isWanted(_ token: AttemptToken) -> Bool {
        state.withLock { state in
            guard let known = state.attempts[token], let build = state.builds[known.build] else {
                return false
            }
            return build.attempt == token && !build.state.isEnded && build.state != .queued
        }
    }

    // MARK: Web root

    func published(_ image: WebDisk.Image, of build: Build) {
        shown(image, build, as: .build, sha256: image.artifact.sha256)
    }

    func promoted(_ image: WebDisk.Image, of build: Build) {
        shown(image, build, as: .test, sha256: image.artifact.sha256)
    }

    private func shown(
        _ image: WebDisk.Image, _ build: Build, as stage: BuildStage, sha256: String
    ) {
        trace.line("web root shows \(image.path) of \(image.attempt)")
        state.withLock { state in
            let row = state.builds[build.id]
            let owner = stage == .build ? row?.attempt : row?.image?.attempt
            expect(
                &state, owner == image.attempt && row?.state == .publishing && row?.stage == stage,
                "\(image.path) of \(image.attempt) is shown, its build is "
                    + "\(row?.state.rawValue ?? "unknown") with \(row?.attempt?.text ?? "none")")
            expect(
                &state, state.attempts[image.attempt]?.imageSHA256 == sha256,
                "\(image.path) is not what the agent made")
            state.images[build.id] = image
        }
    }

    func withdrawn(_ attempt: AttemptToken, of build: Build) {
        trace.line("web root withdraws the image of \(attempt)")
        state.withLock { state in
            let row = state.builds[build.id]
            let isKept = row?.state.isEnded == true && row?.image?.attempt == attempt
            expect(&state, !isKept, "the image of build \(build.id), which has ended, is removed")
            state.images[build.id] = nil
        }
    }
}
