public import CoordinatorCore

/// Submits a build for a push to a template.
public struct PushTrigger: Sendable {
    let ports: Ports
    let submission: BuildSubmission

    /// The outcome of a push, as the Git server lists it with the hook request. A push that needs
    /// no build is not an error: Git servers disable hooks that respond with errors.
    public struct PushOutcome: Sendable, Encodable {
        public var build: String?
        public var ignored: String?
    }

    /// - Throws: `StoreError`
    public func pushed(_ push: Push, by actor: String) async throws -> PushOutcome {
        guard let name = ports.templateServer?.guestOS(ofProject: push.project),
            let guestOS = try await ports.store.guestOS(named: name),
            ports.isAtTemplateServer(guestOS),
            case .git(_, let ref) = guestOS.template
        else { return PushOutcome(ignored: "no guest OS has its template in \(push.project)") }
        guard ref == push.ref else {
            return PushOutcome(ignored: "\(name) is built from \(ref), not from \(push.ref)")
        }
        // The same push may be reported twice.
        let last = try await ports.store.builds(BuildFilter(guestOS: name), limit: 1).first
        if let last, last.plan.commit == push.commit {
            return PushOutcome(ignored: "build \(name):\(last.number) is of this commit already")
        }
        do {
            let build = try await submission.submit(
                guestOS: name, priority: 0, owner: nil,
                reason: "push of \(push.commit.prefix(12)) to \(ref)", by: actor)
            return PushOutcome(build: "\(name):\(build.number)")
        } catch let fault as TemplateFault {
            return PushOutcome(ignored: fault.description)
        } catch let refusal as Refusal {
            return PushOutcome(ignored: refusal.description)
        }
    }
}
