import BuildProtocol
import CoordinatorCore
import Support

extension BuildRequest {
    /// Of the build: every coordinator gives it the same one, so that the store accepts it once.
    var buildID: String { "request-" + SHA256.hex(id.utf8).prefix(28) }

    /// Of the delivery.
    var key: String {
        let isPlain = id.utf8.allSatisfy { (0x21..<0x7F).contains($0) }
        return id.utf8.count <= 100 && isPlain ? id : SHA256.hex(id.utf8)
    }
}

/// Submits the builds that messages and profiles request.
struct RequestTrigger: Sendable {
    let ports: Ports
    let submission: BuildSubmission
    let supersession: Supersession

    /// - Returns: the build of the request, of this or of an earlier message.
    /// - Throws: `Refusal`, `TemplateFault`, `StoreError`
    func submit(_ request: BuildRequest, of delivery: Delivery) async throws -> Build {
        if let build = try await ports.store.build(id: request.buildID) {
            let known = BuildRequest(
                id: request.id, guestOS: build.guestOS,
                variables: build.plan.change?.variables ?? [:], ref: build.plan.change?.ref)
            guard known.asksForTheSame(as: request) else {
                throw Refusal(
                    "the id \(Names.quoted(request.id)) is that of an earlier request, which asks "
                        + "for something else: build \(build.guestOS):\(build.number)")
            }
            return build
        }
        let guestOS = try await ports.guestOS(named: request.guestOS)
        let change = PlanChange(variables: request.variables, ref: request.ref)
        var plan = try await submission.plan(for: change.applied(to: guestOS))
        plan.set(change)
        // Whoever tries out a branch does not mean to bring it into production.
        if change.ref != nil { plan.release = nil }
        plan.origin = origin(request, delivery)
        let build = try await submission.enqueue(
            guestOS, plan, id: request.buildID, priority: 0, owner: guestOS.owner,
            reason: request.cause.prefixOfUTF8(ports.limits.reasonBytes), by: delivery.hook)
        // An older state of the profile is nobody's wish any more.
        if request.profile != nil { try await supersession.supersede(by: build) }
        return build
    }

    private func origin(_ request: BuildRequest, _ delivery: Delivery) -> BuildOrigin {
        let id = delivery.id == 0 ? nil : delivery.id
        guard let profile = request.profile else {
            return BuildOrigin(
                kind: .request, hook: BuildRequests.hook, delivery: id,
                request: BuildOrigin.Request(
                    id: request.id, replyTo: request.replyTo,
                    correlationID: request.correlationID))
        }
        return BuildOrigin(kind: .profile, project: profile, delivery: id)
    }

    /// Whether the same request would be refused again, until a person has changed something. What
    /// else may be in the way passes: a full queue, a repository that cannot be reached.
    static func isForGood(_ error: any Error) -> Bool {
        switch error {
        case let refusal as Refusal: refusal.code != .full
        case let fault as TemplateFault: fault.isPermanent
        case let error as StoreError: error.isPermanent
        default: false
        }
    }
}
