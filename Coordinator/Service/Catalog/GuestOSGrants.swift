public import CoordinatorCore
import BuildProtocol

extension GuestOSCatalog {
    /// Lets a team or a user who does not own a guest OS work on it. A grant that the grantee has
    /// already is replaced.
    /// - Throws: `Refusal`, `StoreError`
    public func grant(
        _ role: Role, to grantee: GuestOSGrant.Grantee, on name: String, by actor: String
    ) async throws -> GuestOS {
        guard GuestOSGrant.roles.contains(role) else {
            throw Refusal("right is \(role.rawValue): use operator or release-manager")
        }
        let known = try await ports.guestOS(named: name)
        guard known.owner != Principal.everybody else {
            throw Refusal(
                .conflict,
                "\(name) is everybody's, because its owner is \(Principal.everybody). To give it "
                    + "to a team first: aibuild guestos change \(name) --owner TEAM")
        }
        switch grantee {
        case .team(let team):
            if let problem = Names.registeredProblem(team, what: "name of the team") {
                throw Refusal(problem)
            }
            guard team != known.owner else {
                throw Refusal(.conflict, "the team \(team) owns \(name): it may do all of this")
            }
        case .user(let user):
            guard ports.directory.principal(user) != nil else {
                throw StoreError.notFound(what: .user, name: user)
            }
        }
        var guestOS = known
        guestOS.grants.removeAll { $0.grantee == grantee }
        guard guestOS.grants.count < GuestOSGrant.limit else {
            throw Refusal(
                .conflict,
                "\(name) has \(GuestOSGrant.limit) grants: revoke some, or put people into teams")
        }
        guestOS.grants.append(
            GuestOSGrant(
                grantee, role, grantedMilliseconds: ports.clock.unixMilliseconds()))
        guestOS.grants.sort { $0.words < $1.words }
        try await update(guestOS, since: known, as: "guestos.grant", by: actor)
        return guestOS
    }

    /// - Throws: `Refusal` if there is no such grant, `StoreError`
    public func revoke(
        from grantee: GuestOSGrant.Grantee, on name: String, by actor: String
    ) async throws -> GuestOS {
        let known = try await ports.guestOS(named: name)
        var guestOS = known
        guestOS.grants.removeAll { $0.grantee == grantee }
        guard guestOS.grants.count < known.grants.count else {
            throw Refusal(
                .conflict,
                "the \(grantee.words) is granted nothing of \(name). What is granted: aibuild "
                    + "guestos show \(name)")
        }
        try await update(guestOS, since: known, as: "guestos.revoke", by: actor)
        return guestOS
    }
}
