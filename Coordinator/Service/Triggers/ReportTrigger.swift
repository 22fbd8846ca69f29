import BuildProtocol
import CoordinatorCore
import Support

/// Submits the builds that a reported change of a repository asks for.
struct ReportTrigger: Sendable {
    let ports: Ports
    let submission: BuildSubmission
    let supersession: Supersession
    private let commits: CommitBuilds
    /// Of each guest OS: reports of one push may arrive at once.
    private let turns = Turns()

    init(ports: Ports, submission: BuildSubmission, supersession: Supersession) {
        self.ports = ports
        self.submission = submission
        self.supersession = supersession
        commits = CommitBuilds(ports: ports)
    }

    /// What came of one report.
    struct Outcome: Sendable {
        /// `debian12:8`
        var builds: [String] = []
        /// Why other guest OSes were not built, and what else was done.
        var reasons: [String] = []
        /// What is wrong with templates, so that guest OSes cannot be built.
        var problems: [String] = []
        /// Whose templates they are.
        var broken: [(guestOS: String, why: String)] = []
        /// It is of a merge request from another project, which nobody has approved.
        var needsApproval = false
        /// Builds that were cancelled.
        var cancelled = 0
    }

    /// - Throws: `StoreError`; `TemplateFault.unavailable` if a repository cannot be reached, after
    ///   which the report can be handled again.
    func handle(_ report: GitReport, of delivery: Delivery, from source: HookSource) async throws
        -> Outcome
    {
        var outcome = Outcome()
        if let skip = report.skip, report.change != .mergeRequestClosed {
            outcome.reasons.append("the push says \(skip)")
            return outcome
        }
        let guestOSes = try await source.guestOSes(of: report, in: ports)
        if guestOSes.isEmpty {
            outcome.reasons.append("no guest OS has its template in \(report.project)")
        }
        for guestOS in guestOSes {
            let change = ReportedChange(
                report: report, delivery: delivery, source: source, guestOS: guestOS)
            let end = try await turns.run(guestOS.name) { try await handle(change) }
            switch end {
            case .built(let build): outcome.builds.append("\(build.guestOS):\(build.number)")
            case .ignored(let why): outcome.reasons.append(why)
            case .broken(let why):
                outcome.problems.append(why)
                outcome.broken.append((guestOS.name, why))
            case .needsApproval: outcome.needsApproval = true
            case .cancelled(let builds):
                outcome.cancelled += builds.count
                outcome.reasons += builds.map { "cancelled build \($0.guestOS):\($0.number)" }
            }
        }
        return outcome
    }

    private enum End {
        case built(Build)
        case ignored(String)
        /// Its template has to be changed.
        case broken(String)
        case needsApproval
        case cancelled([Build])
    }

    private func handle(_ change: ReportedChange) async throws -> End {
        if change.guestOS.isRetired { return .ignored("\(change.guestOS.name) is retired") }
        do {
            switch change.report.change {
            case .push: return try await pushed(change)
            case .tag: return try await tagged(change)
            case .mergeRequest: return try await requested(change)
            case .mergeRequestClosed:
                let builds = try await supersession.cancel(
                    change.origin, of: change.guestOS, "its merge request is closed")
                return builds.isEmpty
                    ? .ignored("no build of the merge request is queued") : .cancelled(builds)
            }
        } catch let fault as TemplateFault where fault.code == .usual {
            return .broken(fault.description)
        } catch let refusal as Refusal where refusal.isPermanent {
            return .ignored(refusal.description)
        }
    }

    // MARK: Kinds of changes

    private func pushed(_ change: ReportedChange) async throws -> End {
        let guestOS = change.guestOS
        let ref = change.report.ref
        if let own = change.ownBranch, own != ref { return try await pushedElsewhere(change, own) }
        if let build = try await commits.build(of: change.report.commit, change) {
            return try await isBuilt(build, change)
        }
        var plan = try await submission.plan(for: guestOS, startedBy: .push)
        // Reports may overtake each other: the newest commit is built, once.
        let commit = plan.commit ?? change.report.commit
        if change.ownBranch == nil, commit != change.report.commit {
            return .ignored("\(ref) is not the newest commit of the default branch")
        }
        let triggers = try await ports.templates.triggers(of: guestOS, in: plan)
        guard triggers.push else {
            return .ignored("aibuild.yml wants no builds of \(guestOS.name) by pushes")
        }
        if let build = try await commits.build(of: commit, change) {
            return try await isBuilt(build, change)
        }
        let last = try await commits.last(change)
        if let why = try await untouched(guestOS, plan, since: last) { return .ignored(why) }
        if triggers.publish == .tags {
            plan.publishes = false
            plan.release = nil
        }
        return try await enqueue(change, plan, commit, triggers.supersede)
    }

    /// A push to a branch that is not the guest OS's own.
    private func pushedElsewhere(
        _ change: ReportedChange, _ own: String
    ) async throws -> End {
        let (name, ref) = (change.guestOS.name, change.report.ref)
        let (triggers, _) = try await ownTriggers(change.guestOS)
        guard triggers.isBuilt(branch: ref) else {
            return .ignored("\(name) is built from \(own), not from \(ref)")
        }
        var plan = try await submission.plan(
            for: change.guestOS(at: "refs/heads/\(ref)"), startedBy: .push)
        let commit = plan.commit ?? change.report.commit
        if let build = try await commits.build(of: commit, change) {
            return try await isBuilt(build, change)
        }
        let last = try await commits.last(change)
        if let why = try await untouched(change.guestOS, plan, since: last) {
            return .ignored(why)
        }
        plan.publishes = false
        plan.release = nil
        return try await enqueue(change, plan, commit, triggers.supersede)
    }

    private func tagged(_ change: ReportedChange) async throws -> End {
        let (name, tag) = (change.guestOS.name, change.report.ref)
        let (triggers, _) = try await ownTriggers(change.guestOS)
        guard triggers.isBuilt(tag: tag) else {
            return .ignored("aibuild.yml of \(name) names no tag like \(tag)")
        }
        let plan = try await submission.plan(
            for: change.guestOS(at: "refs/tags/\(tag)"), startedBy: .tag)
        let commit = plan.commit ?? change.report.commit
        if let build = try await commits.build(of: commit, change) {
            return try await isBuilt(build, change)
        }
        return try await enqueue(change, plan, commit, false)
    }

    private func requested(_ change: ReportedChange) async throws -> End {
        let guestOS = change.guestOS
        guard let request = change.report.mergeRequest else {
            return .ignored("the report does not say which merge request it is about")
        }
        if let own = change.ownBranch, own != change.report.ref {
            return .ignored("\(guestOS.name) is built from \(own), not from \(change.report.ref)")
        }
        let (triggers, target) = try await ownTriggers(guestOS)
        guard triggers.mergeRequests else {
            return .ignored("aibuild.yml wants no builds of \(guestOS.name) by merge requests")
        }
        if request.isForeign, change.delivery.approvedBy == nil { return .needsApproval }
        var plan = try await submission.plan(
            for: change.guestOS(at: request.fetchedRef), startedBy: .mergeRequest)
        let commit = plan.commit ?? change.report.commit
        // What was approved is this commit, and no later one.
        if request.isForeign, commit != change.report.commit {
            return .ignored(
                "the merge request has newer commits than \(change.report.commit.prefixOfUTF8(12))")
        }
        if let build = try await commits.build(of: commit, change) {
            return try await isBuilt(build, change)
        }
        if let target,
            try await !ports.templates.isTouched(
                guestOS, plan, since: target, asMergeRequest: true)
        {
            return .ignored("the merge request changes nothing that \(guestOS.name) is made of")
        }
        plan.publishes = false
        plan.release = nil
        // The approval is for code that somebody read, not for what it could read here.
        if request.isForeign { plan.withholdsSecrets = true }
        return try await enqueue(change, plan, commit, true)
    }

    /// What the guest OS's own branch says, whoever pushed elsewhere; and its commit.
    private func ownTriggers(_ guestOS: GuestOS) async throws -> (ImageTriggers, String?) {
        let plan = try await submission.plan(for: guestOS)
        return (try await ports.templates.triggers(of: guestOS, in: plan), plan.commit)
    }

    private func untouched(
        _ guestOS: GuestOS, _ plan: BuildPlan, since last: String?
    ) async throws -> String? {
        guard let last,
            try await !ports.templates.isTouched(
                guestOS, plan, since: last, asMergeRequest: false)
        else { return nil }
        return "nothing that \(guestOS.name) is made of has changed since "
            + last.prefixOfUTF8(12)
    }

    // MARK: Builds

    private func enqueue(
        _ change: ReportedChange, _ plan: BuildPlan, _ commit: String, _ supersedes: Bool
    ) async throws -> End {
        var plan = plan
        plan.origin = change.origin
        let reason = try await BuildContents(ports: ports).text(
            change.report.reason(commit), change.guestOS, plan,
            since: try await commits.lastGood(change))
        let build = try await submission.enqueue(
            change.guestOS, plan, id: try await commits.id(of: commit, change).id, priority: 0,
            owner: change.guestOS.owner, reason: reason, by: change.source.name)
        if supersedes { try await supersession.supersede(by: build) }
        return .built(build)
    }

    private func isBuilt(_ build: Build, _ change: ReportedChange) async throws -> End {
        guard let delivery = build.plan.origin?.delivery, delivery == change.delivery.id else {
            let name = "build \(build.guestOS):\(build.number)"
            let report = change.report
            guard let commit = build.plan.commit, commit != report.commit, report.change != .tag
            else { return .ignored("\(name) is of this commit already") }
            return .ignored(
                "\(report.ref) is at \(commit.prefixOfUTF8(12)) by now, of which \(name) is")
        }
        // An earlier try of this delivery has submitted it, and got no further.
        if try await supersedes(change) { try await supersession.supersede(by: build) }
        return .built(build)
    }

    private func supersedes(_ change: ReportedChange) async throws -> Bool {
        switch change.report.change {
        case .mergeRequest: true
        case .push: try await ownTriggers(change.guestOS).0.supersede
        case .tag, .mergeRequestClosed: false
        }
    }
}
