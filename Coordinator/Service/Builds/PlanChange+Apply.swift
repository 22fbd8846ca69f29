import BuildProtocol
import CoordinatorCore

extension BuildPlan {
    /// Records what this build has otherwise than its guest OS.
    mutating func set(_ change: PlanChange) {
        guard !change.isEmpty else { return }
        self.change = change
        // The values are in it already, as those of the guest OS.
        guard !change.variables.isEmpty else { return }
        var origins = variableOrigins ?? [:]
        for name in change.variables.keys { origins[name] = .request }
        variableOrigins = origins
    }
}

extension PlanChange {
    /// - Throws: `Refusal`
    func applied(to guestOS: GuestOS) throws -> GuestOS {
        var guestOS = guestOS
        guestOS.variables.merge(variables) { $1 }
        if let problem = GuestOS.problem(ofVariables: guestOS.variables) { throw Refusal(problem) }
        guard let ref else { return guestOS }
        guard case .git(let url, _) = guestOS.template else {
            throw Refusal(
                "the template of \(guestOS.name) is in no Git repository, and has no "
                    + Names.quoted(ref))
        }
        guestOS.template = .git(url: url, ref: ref)
        if let problem = guestOS.template.problem { throw Refusal(problem) }
        return guestOS
    }
}
