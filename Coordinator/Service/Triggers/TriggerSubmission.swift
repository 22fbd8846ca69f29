import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// One build that something asks for.
struct TriggerRequest {
    /// `schedule 0 3 * * 1 (Europe/Berlin)`
    var cause: String
    var kind: BuildOrigin.Kind
    /// What makes the build the only one of its occasion: every coordinator gives it the same id.
    var occasion: String
    /// Whether the template, as it was just read, still asks for it.
    var isWanted: (TriggerPlan) -> Bool

    var buildID: String { "due-" + SHA256.hex(occasion.utf8).prefix(32) }
}

extension TriggerRequest {
    init(_ schedule: TriggerPlan.Schedule, _ occasion: Int64, _ id: String) {
        self.init(
            cause: "schedule \(schedule.text)", kind: .schedule,
            occasion: "schedule \(id) \(occasion)"
        ) { $0.schedule == schedule }
    }

    init(ageSeconds seconds: Int, after passed: Build?, _ state: TriggerState) {
        self.init(
            cause: "max_age \(DurationText.text(seconds))", kind: .age,
            occasion: "age \(state.guestOSID) \(passed?.id ?? "") \(state.agedMilliseconds ?? 0)"
        ) { $0.maxAgeSeconds == seconds }
    }

    init(_ watch: Watch, from old: String, to new: String, _ state: TriggerState) {
        let (cause, kind, name): (String, BuildOrigin.Kind, String) =
            switch watch.kind {
            case .baseImage: ("new base image", .baseImage, "base")
            case .packages: ("new packages", .packages, "packages")
            }
        let changed = state[watch.kind].changedMilliseconds ?? 0
        self.init(
            cause: cause, kind: kind,
            occasion: "\(name) \(state.guestOSID) \(changed) \(old) \(new)"
        ) { watch.isSame(as: $0.watch(watch.kind)) }
    }

    /// - Parameter parents: the builds of the parents, by name.
    init(parents: [String: String], cause: String, _ id: String) {
        let builds = parents.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let names = Set(parents.keys)
        self.init(
            cause: cause, kind: .parent,
            occasion: "parents \(id) \(builds.joined(separator: " "))"
        ) { !names.isDisjoint(with: $0.parents) }
    }
}

/// What became of a request.
enum TriggerResult {
    /// - Parameter isNew: `false` if an earlier leader, or an earlier try, submitted it.
    case submitted(Build, isNew: Bool)
    case skipped(String)
    /// The template does not ask for it any more.
    case unwanted
    case failed(String, isPermanent: Bool)

    /// - Parameter waitsForBuild: a build that is under way is not the one that was asked for.
    func isOver(waitsForBuild: Bool) -> Bool {
        switch self {
        case .submitted, .unwanted: true
        case .skipped: !waitsForBuild
        case .failed(_, let isPermanent): isPermanent
        }
    }

    var isNew: Bool { if case .submitted(_, false) = self { false } else { true } }

    /// `nil` if there is nothing to record.
    func run(
        of request: TriggerRequest, at now: Int64, reasonBytes: Int
    ) -> TriggerRun? {
        var run = TriggerRun(atMilliseconds: now, cause: request.cause, outcome: .failed)
        switch self {
        case .unwanted: return nil
        case .submitted(let build, _):
            run.outcome = .submitted
            run.build = "\(build.guestOS):\(build.number)"
        case .skipped(let why):
            run.outcome = .skipped
            run.reason = why
        case .failed(let why, _): run.reason = why.prefixOfUTF8(reasonBytes)
        }
        return run
    }
}

extension TriggerRun {
    /// Whether it says nothing new.
    func isSame(as other: TriggerRun?) -> Bool {
        cause == other?.cause && outcome == other?.outcome && reason == other?.reason
            && build == other?.build
    }
}

/// Submits what a trigger asks for, once for each occasion.
struct TriggerSubmission {
    let ports: Ports
    let submission: BuildSubmission

    /// - Parameter record: is given what the template says now, and its commit.
    func submit(
        _ request: TriggerRequest, _ known: GuestOS,
        record: (GuestOS, TriggerPlan, String?) async -> Void
    ) async -> TriggerResult {
        let log = Logger("schedules")
        do {
            if let build = try await ports.store.build(id: request.buildID) {
                return .submitted(build, isNew: false)
            }
            let recent = try await Recent(known.name, ports)
            if let build = recent.live {
                return .skipped(
                    "build \(build.guestOS):\(build.number) is \(build.state.rawValue)")
            }
            let guestOS = try await ports.guestOS(named: known.name)
            guard guestOS.id == known.id, !guestOS.isRetired else { return .unwanted }
            var plan = try await submission.plan(for: guestOS, startedBy: request.kind)
            let triggers = try await ports.templates.triggers(of: guestOS, in: plan)
            await record(guestOS, triggers.timed, plan.commit)
            guard request.isWanted(triggers.timed) else { return .unwanted }
            plan.origin = BuildOrigin(kind: request.kind)
            if triggers.publish == .tags {
                plan.publishes = false
                plan.release = nil
            }
            let reason = try await BuildContents(ports: ports).text(
                request.cause, guestOS, plan, since: recent.passed?.plan.commit)
            let build = try await submission.enqueue(
                guestOS, plan, id: request.buildID, priority: 0, owner: guestOS.owner,
                reason: reason, by: "schedules")
            log.about(LogIDs(build: build.id))
                .info("\(request.cause): build \(build.guestOS):\(build.number)")
            return .submitted(build, isNew: true)
        } catch {
            if !Task.isCancelled {
                log.warning("\(request.cause): cannot build \(known.name): \(error)")
            }
            let isPermanent =
                switch error {
                case let fault as TemplateFault: fault.isPermanent
                case let refusal as Refusal: refusal.isPermanent
                default: false
                }
            return .failed("\(error)", isPermanent: isPermanent)
        }
    }
}
