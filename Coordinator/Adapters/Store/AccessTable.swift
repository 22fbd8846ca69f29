import BuildProtocol
import CoordinatorCore
import SQLKit

/// The tables `principals`, `api_tokens`, `sessions` and `sign_in_codes`. No secret is in them:
/// tokens, sessions and codes by their digests, passwords by their hashes.
enum AccessTable {
    /// Schema 20.
    static let changes: [SchemaChange] = [
        .table(
            "principals",
            [
                "name varchar(128) NOT NULL", "source varchar(32) NOT NULL",
                "role varchar(32) NOT NULL",
                "teams longtext NOT NULL", "disabled integer NOT NULL", "password longtext",
                "created_ms bigint NOT NULL", "changed_ms bigint NOT NULL",
                "changed_by longtext NOT NULL",
            ], key: "name"),
        .table(
            "api_tokens",
            [
                "id varchar(36) NOT NULL", "kind varchar(32) NOT NULL",
                "name longtext NOT NULL",
                "principal varchar(128) NOT NULL", "digest varchar(64) NOT NULL",
                "rights longtext NOT NULL", "guest_oses longtext NOT NULL",
                "created_ms bigint NOT NULL", "expires_ms bigint", "last_used_ms bigint",
            ], key: "id"),
        .table(
            "sessions",
            [
                "digest varchar(64) NOT NULL", "principal varchar(128) NOT NULL",
                "address longtext NOT NULL", "created_ms bigint NOT NULL",
                "last_used_ms bigint NOT NULL",
            ], key: "digest"),
        .table(
            "sign_in_codes",
            [
                "digest varchar(64) NOT NULL", "principal varchar(128) NOT NULL",
                "created_ms bigint NOT NULL", "expires_ms bigint NOT NULL",
            ], key: "digest"),
    ]

    /// Schema 21.
    static let subjects: [SchemaChange] = [.columns(["subject longtext"], of: "principals")]

    // MARK: Questions

    static let principals = SQLSelect(
        "SELECT name, source, subject, role, teams, disabled, created_ms, changed_ms, "
            + "changed_by FROM principals ORDER BY name",
        of: RowOrigin(table: "principals", key: "name")
    ) { row in
        let words = (role: try row.text("role"), source: try row.text("source"))
        guard let role = Role(rawValue: words.role),
            let source = Principal.Source(rawValue: words.source)
        else {
            throw SQLError(
                .unexpectedValue,
                "there is no role '\(words.role)', or no source '\(words.source)'")
        }
        return Principal(
            name: try row.text("name"), source: source, subject: try row.textOrNil("subject"),
            role: role,
            teams: try StoredJSON.decode([String].self, row.text("teams")),
            isDisabled: try row.int("disabled") != 0,
            createdMilliseconds: try row.int64("created_ms"),
            changedMilliseconds: try row.int64("changed_ms"),
            changedBy: try row.text("changed_by"))
    }

    static let tokens = SQLSelect(
        "SELECT id, kind, name, principal, digest, rights, guest_oses, created_ms, expires_ms, "
            + "last_used_ms FROM api_tokens ORDER BY id",
        of: RowOrigin(table: "api_tokens")
    ) { row in
        let word = try row.text("kind")
        guard let kind = APIToken.Kind(rawValue: word) else {
            throw SQLError(.unexpectedValue, "there is no kind of token '\(word)'")
        }
        return APIToken(
            id: try row.text("id"), kind: kind, name: try row.text("name"),
            principal: try row.text("principal"), digest: try row.text("digest"),
            rights: try StoredJSON.decode(Set<Right>.self, row.text("rights")),
            guestOSes: try StoredJSON.decode([String].self, row.text("guest_oses")),
            createdMilliseconds: try row.int64("created_ms"),
            expiresMilliseconds: try row.int64OrNil("expires_ms"),
            lastUsedMilliseconds: try row.int64OrNil("last_used_ms"))
    }

    static let sessions = SQLSelect(
        "SELECT digest, principal, address, created_ms, last_used_ms FROM sessions "
            + "ORDER BY digest",
        of: RowOrigin(table: "sessions", key: "digest")
    ) { row in
        BrowserSession(
            digest: try row.text("digest"), principal: try row.text("principal"),
            address: try row.text("address"), createdMilliseconds: try row.int64("created_ms"),
            lastUsedMilliseconds: try row.int64("last_used_ms"))
    }

    static func passwordHash(of name: String) -> SQLSelect<String?> {
        SQLSelect(
            "SELECT name, password FROM principals WHERE name = ?", [.text(name)],
            of: RowOrigin(table: "principals", key: "name")
        ) { try $0.textOrNil("password") }
    }

    private static func code(_ digest: String) -> SQLSelect<SignInCode> {
        SQLSelect(
            "SELECT digest, principal, created_ms, expires_ms FROM sign_in_codes "
                + "WHERE digest = ?",
            [.text(digest)], of: RowOrigin(table: "sign_in_codes", key: "digest")
        ) { row in
            SignInCode(
                digest: try row.text("digest"), principal: try row.text("principal"),
                createdMilliseconds: try row.int64("created_ms"),
                expiresMilliseconds: try row.int64("expires_ms"))
        }
    }

    // MARK: Codes

    static func add(
        _ code: SignInCode, _ entry: AuditEntry, _ transaction: borrowing SQLTransaction
    ) throws {
        let newest = SQLSelect(
            "SELECT digest, created_ms FROM sign_in_codes ORDER BY created_ms DESC, digest "
                + "LIMIT ?",
            [.int(AccessBounds.codes - 1)], of: RowOrigin(table: "sign_in_codes", key: "digest")
        ) { try $0.int64("created_ms") }
        let kept = try transaction.all(newest)
        if kept.count == AccessBounds.codes - 1, let oldest = kept.last {
            try transaction.execute(
                "DELETE FROM sign_in_codes WHERE created_ms < ?", [.int(oldest)])
        }
        // May run again after its answer was lost.
        try transaction.execute("DELETE FROM sign_in_codes WHERE digest = ?", [.text(code.digest)])
        try transaction.execute(
            "INSERT INTO sign_in_codes (digest, principal, created_ms, expires_ms) "
                + "VALUES (?, ?, ?, ?)",
            [
                .text(code.digest), .text(code.principal), .int(code.createdMilliseconds),
                .int(code.expiresMilliseconds),
            ])
        try AuditTable.insertOnce([entry], transaction)
    }

    static func takeCode(
        _ digest: String, _ transaction: borrowing SQLTransaction
    ) throws -> SignInCode? {
        guard let found = try transaction.firstLocked(code(digest)) else { return nil }
        try transaction.execute("DELETE FROM sign_in_codes WHERE digest = ?", [.text(digest)])
        return found
    }

    // MARK: Changes

    static func apply(_ change: AccessChange, _ transaction: borrowing SQLTransaction) throws {
        switch change {
        case .add(let principal, let hash): try add(principal, hash, transaction)
        case .change(let principal, let hash): try self.change(principal, hash, transaction)
        case .removePrincipal(let name):
            for table in ["api_tokens", "sessions"] {
                try transaction.execute("DELETE FROM \(table) WHERE principal = ?", [.text(name)])
            }
            try transaction.remove(
                "DELETE FROM principals WHERE name = ?", [.text(name)], what: .user, name: name)
        case .addToken(let token): try add(token, transaction)
        case .removeToken(let id):
            try transaction.remove(
                "DELETE FROM api_tokens WHERE id = ?", [.text(id)], what: .token, name: id)
        case .addSession(let session):
            // May run again after its answer was lost.
            try transaction.execute(
                "DELETE FROM sessions WHERE digest = ?", [.text(session.digest)])
            try transaction.execute(
                "INSERT INTO sessions (digest, principal, address, created_ms, last_used_ms) "
                    + "VALUES (?, ?, ?, ?, ?)",
                [
                    .text(session.digest), .text(session.principal), .text(session.address),
                    .int(session.createdMilliseconds), .int(session.lastUsedMilliseconds),
                ])
        case .removeSession(let digest):
            try transaction.execute("DELETE FROM sessions WHERE digest = ?", [.text(digest)])
        case .removeSessions(let name):
            try transaction.execute("DELETE FROM sessions WHERE principal = ?", [.text(name)])
        case .uses(let tokens, let sessions):
            for (id, time) in tokens.sorted(by: { $0.key < $1.key }) {
                try transaction.execute(
                    "UPDATE api_tokens SET last_used_ms = ? WHERE id = ?", [.int(time), .text(id)])
            }
            for (digest, time) in sessions.sorted(by: { $0.key < $1.key }) {
                try transaction.execute(
                    "UPDATE sessions SET last_used_ms = ? WHERE digest = ?",
                    [.int(time), .text(digest)])
            }
        case .removeExpired(let tokensBefore, let usedBefore, let createdBefore):
            try transaction.execute(
                "DELETE FROM api_tokens WHERE expires_ms < ?", [.int(tokensBefore)])
            try transaction.execute(
                "DELETE FROM sessions WHERE last_used_ms < ? OR created_ms < ?",
                [.int(usedBefore), .int(createdBefore)])
        }
    }

    private static func add(
        _ principal: Principal, _ hash: String?, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.insert(
            "INSERT INTO principals (name, source, subject, role, teams, disabled, password, "
                + "created_ms, changed_ms, changed_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(principal.name), .text(principal.source.rawValue),
                .text(orNull: principal.subject),
                .text(principal.role.rawValue),
                try StoredJSON.encode(principal.teams), .int(principal.isDisabled ? 1 : 0),
                .text(orNull: hash), .int(principal.createdMilliseconds),
                .int(principal.changedMilliseconds), .text(principal.changedBy),
            ], what: .user, name: principal.name)
    }

    private static func change(
        _ principal: Principal, _ hash: String?, _ transaction: borrowing SQLTransaction
    ) throws {
        guard
            try transaction.firstLocked(passwordHash(of: principal.name)) != nil
        else { throw StoreError.notFound(what: .user, name: principal.name) }
        try transaction.execute(
            "UPDATE principals SET role = ?, teams = ?, disabled = ?, changed_ms = ?, "
                + "changed_by = ? WHERE name = ?",
            [
                .text(principal.role.rawValue), try StoredJSON.encode(principal.teams),
                .int(principal.isDisabled ? 1 : 0), .int(principal.changedMilliseconds),
                .text(principal.changedBy), .text(principal.name),
            ])
        if let hash {
            try transaction.execute(
                "UPDATE principals SET password = ? WHERE name = ?",
                [.text(hash), .text(principal.name)])
        }
        if hash != nil || principal.isDisabled {
            try transaction.execute(
                "DELETE FROM sessions WHERE principal = ?", [.text(principal.name)])
        }
    }

    private static func add(
        _ token: APIToken, _ transaction: borrowing SQLTransaction
    ) throws {
        // May run again after its answer was lost.
        try transaction.execute("DELETE FROM api_tokens WHERE id = ?", [.text(token.id)])
        try transaction.execute(
            "INSERT INTO api_tokens (id, kind, name, principal, digest, rights, guest_oses, "
                + "created_ms, expires_ms, last_used_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(token.id), .text(token.kind.rawValue), .text(token.name),
                .text(token.principal), .text(token.digest),
                try StoredJSON.encode(token.rights.sorted { $0.rawValue < $1.rawValue }),
                try StoredJSON.encode(token.guestOSes), .int(token.createdMilliseconds),
                .int(orNull: token.expiresMilliseconds),
                .int(orNull: token.lastUsedMilliseconds),
            ])
    }
}
