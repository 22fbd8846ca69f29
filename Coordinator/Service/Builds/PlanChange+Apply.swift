import BuildProtocol
import CoordinatorCore

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
