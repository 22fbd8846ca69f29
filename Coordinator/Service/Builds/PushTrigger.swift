import BuildProtocol
public import CoordinatorCore
import Support

/// Submits builds for a push to a template.
public struct PushTrigger: Sendable {
    let ports: Ports
    let submission: BuildSubmission
    /// Of each guest OS: reports of one push may arrive at once.
    private let turns = Turns()

    init(ports: Ports, submission: BuildSubmission) {
        self.ports = ports
        self.submission = submission
    }

    /// The outcome of a push, as the Git server lists it with the hook request. A push that needs
    /// no build is not an error: Git servers disable hooks that respond with errors.
    public struct PushOutcome: Sendable, Encodable {
        public var build: String?
        /// All builds, if several guest OSes have their templates in the repository.
        public var builds: [String]?
        public var ignored: String?
        /// The outcome is not known yet, and will be in the coordinator's log.
        public var pending: String?
    }

    /// - Parameter limitMilliseconds: after which the outcome is not waited for any longer.
    /// - Throws: `StoreError`
    public func pushed(
        _ push: Push, by actor: String, limitMilliseconds: Int64 = .max
    ) async throws -> PushOutcome {
        let work = Task {
            let outcome = try await handle(push, by: actor)
            record(outcome, of: push)
            return outcome
        }
        let (results, sink) = AsyncStream.makeStream(of: Result<PushOutcome, any Error>?.self)
        Task { sink.yield(await work.result) }
        let deadline = ports.clock.monotonicMilliseconds().addingReportingOverflow(
            limitMilliseconds)
        let alarm = Task {
            try await ports.clock.sleep(
                untilMonotonicMilliseconds: deadline.overflow ? .max : deadline.partialValue)
            sink.yield(nil)
        }
        defer { alarm.cancel() }
        for await result in results {
            if let result { return try result.get() }
            break
        }
        return PushOutcome(
            pending: "the template is still being fetched; the coordinator's log will have the "
                + "outcome")
    }

    private func record(_ outcome: PushOutcome, of push: Push) {
        let builds = (outcome.builds ?? [outcome.build].compactMap(\.self)).map { "build \($0)" }
        let results = builds + [outcome.ignored.map { "ignored: \($0)" }].compactMap(\.self)
        Logger("gitlab").info(
            "push of \(push.commit.prefix(12)) to \(push.ref.prefix(200)) of "
                + "\(push.project.prefix(200)): \(results.joined(separator: "; "))")
    }

    private func handle(_ push: Push, by actor: String) async throws -> PushOutcome {
        if let skip = push.skip { return PushOutcome(ignored: "the push says \(skip)") }
        let guestOSes = try await guestOSes(of: push)
        if guestOSes.isEmpty {
            return PushOutcome(ignored: "no guest OS has its template in \(push.project)")
        }
        var builds: [String] = []
        var reasons: [String] = []
        for guestOS in guestOSes {
            switch try await turns.run(guestOS.name, { try await submit(guestOS, push, by: actor) })
            {
            case .success(let build): builds.append("\(build.guestOS):\(build.number)")
            case .failure(let why): reasons.append(why.description)
            }
        }
        return PushOutcome(
            build: builds.first, builds: builds.count > 1 ? builds : nil,
            ignored: reasons.isEmpty ? nil : reasons.joined(separator: "; "))
    }

    private static let pageRows = 500

    private func guestOSes(of push: Push) async throws -> [GuestOS] {
        var found: [GuestOS] = []
        var last: String?
        while true {
            let page = try await ports.store.guestOSes(after: last, limit: Self.pageRows)
            found += page.filter { guestOS in
                ports.templateServer?.isKept(guestOS.template, inProject: push.project) ?? false
            }
            guard page.count == Self.pageRows else { return found }
            last = page.last?.name
        }
    }

    private func submit(
        _ guestOS: GuestOS, _ push: Push, by actor: String
    ) async throws -> Result<Build, Refusal> {
        let name = guestOS.name
        guard case .git(_, let ref) = guestOS.template else { return .failure(Refusal(name)) }
        let isDefault = ref == TemplateSource.defaultRef
        if let wanted = isDefault ? push.defaultBranch : ref, wanted != push.ref {
            return .failure(Refusal("\(name) is built from \(wanted), not from \(push.ref)"))
        }
        if let build = try await build(of: push.commit, guestOS) { return isBuilt(build) }
        do {
            let plan = try await submission.plan(for: guestOS)
            // Reports may overtake each other: the newest commit is built, once.
            let commit = plan.commit ?? push.commit
            if isDefault, push.defaultBranch == nil, commit != push.commit {
                return .failure(
                    Refusal("\(push.ref) is not the newest commit of the default branch"))
            }
            if let build = try await build(of: commit, guestOS) { return isBuilt(build) }
            if let last = try await lastCommit(of: guestOS),
                try await !ports.templates.isTouched(
                    guestOS, plan, since: last, asMergeRequest: false)
            {
                return .failure(
                    Refusal(
                        "nothing that \(name) is made of has changed since \(last.prefix(12))"))
            }
            return .success(
                try await submission.enqueue(
                    guestOS, plan, id: Self.id(of: commit, guestOS), priority: 0,
                    owner: guestOS.owner, reason: "push of \(commit.prefix(12)) to \(push.ref)",
                    by: actor))
        } catch let fault as TemplateFault {
            return .failure(Refusal(fault.description))
        } catch let refusal as Refusal {
            return .failure(refusal)
        }
    }

    private func isBuilt(_ build: Build) -> Result<Build, Refusal> {
        .failure(Refusal("build \(build.guestOS):\(build.number) is of this commit already"))
    }

    /// Builds that people submitted, among which one of the commit is looked for.
    private static let recentBuilds = 20

    /// Of the newest build of a commit; `nil` if there is none among the last ones.
    private func lastCommit(of guestOS: GuestOS) async throws -> String? {
        try await ports.store.builds(
            BuildFilter(guestOS: guestOS.name), limit: Self.recentBuilds
        ).first { $0.plan.change == nil && $0.state != .cancelled && $0.plan.commit != nil }?
        .plan.commit
    }

    /// The build of a commit: that of an earlier report, however long ago, or a recent one that
    /// somebody submitted.
    private func build(of commit: String, _ guestOS: GuestOS) async throws -> Build? {
        if let build = try await ports.store.build(id: Self.id(of: commit, guestOS)) {
            return build
        }
        let recent = try await ports.store.builds(
            BuildFilter(guestOS: guestOS.name), limit: Self.recentBuilds)
        return recent.first { $0.plan.commit == commit && $0.plan.change == nil }
    }

    /// The id of the build for a push of the commit. Every coordinator gives it the same one, so
    /// that the store accepts it only once.
    private static func id(of commit: String, _ guestOS: GuestOS) -> String {
        let digest = SHA256.hex("push \(guestOS.id) \(commit)".utf8)
        return "push-" + digest.prefix(31)
    }
}
