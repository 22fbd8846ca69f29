import CoordinatorCore

/// Who asks, and what of it counts.
struct CallerView: Encodable {
    var name, role: String
    var rights, teams: [String]
    /// Missing: all of them.
    var guestOSes: [String]?
    /// `machine`, `token`, `session` or `anonymous`.
    var signedInBy: String

    init(_ caller: Caller) {
        name = caller.name
        role = caller.role.rawValue
        rights = Right.allCases.filter(caller.rights.contains).map(\.rawValue)
        teams = caller.teams
        guestOSes = caller.guestOSes
        signedInBy = caller.way.word
    }
}

extension Caller.Way {
    var word: String {
        switch self {
        case .machine: "machine"
        case .token: "token"
        case .session: "session"
        case .nobody: "anonymous"
        }
    }
}

struct UserView: Encodable {
    var name, role: String
    /// `local`, or the system that judges the password.
    var source: String
    var teams: [String]
    var disabled: Bool
    var createdAt, changedAt, changedBy: String

    init(_ user: Principal) {
        name = user.name
        role = user.role.rawValue
        source = user.source.rawValue
        teams = user.teams
        disabled = user.isDisabled
        createdAt = Time.text(user.createdMilliseconds)
        changedAt = Time.text(user.changedMilliseconds)
        changedBy = user.changedBy
    }
}

/// A token without the token.
struct APITokenView: Encodable {
    var id, name, user: String
    var rights, guestOSes: [String]
    var createdAt: String
    var expiresAt, lastUsedAt: String?

    init(_ token: APIToken) {
        id = token.id
        name = token.name
        user = token.principal
        rights = Right.allCases.filter(token.rights.contains).map(\.rawValue)
        guestOSes = token.guestOSes
        createdAt = Time.text(token.createdMilliseconds)
        expiresAt = token.expiresMilliseconds.map(Time.text)
        lastUsedAt = token.lastUsedMilliseconds.map(Time.text)
    }
}

/// The only answer that has the token itself.
struct NewTokenView: Encodable {
    var token: String
    var details: APITokenView

    init(token: String, _ details: APITokenView) {
        self.token = token
        self.details = details
    }
}

struct AuditView: Encodable {
    var id: Int64
    var at, actor, action, subject, detail: String
    var address, signedInBy, request: String?

    init(_ entry: AuditEntry) {
        id = entry.id
        at = Time.text(entry.atMilliseconds)
        actor = entry.actor
        action = entry.action
        subject = entry.subject
        detail = entry.detail
        address = entry.origin?.address
        signedInBy = entry.origin?.way
        request = entry.origin?.request
    }
}

struct GrantView: Encodable {
    var team, user: String?
    var right, grantedAt: String

    init(_ grant: GuestOSGrant) {
        switch grant.grantee {
        case .team(let name): team = name
        case .user(let name): user = name
        }
        right = grant.role.rawValue
        grantedAt = Time.text(grant.grantedMilliseconds)
    }
}
