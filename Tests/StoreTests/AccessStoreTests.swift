import CoordinatorCore
import TestSupport
import Testing

/// Users, tokens, sessions and codes, in every store.
@Suite("Access in the store", .timeLimit(.minutes(3)))
struct AccessStoreTests {
    private static func user(_ name: String, _ role: Role = .operator) -> Principal {
        Principal(
            name: name, role: role, teams: ["storage", "*"], createdMilliseconds: 1,
            changedMilliseconds: 2, changedBy: "root")
    }

    private static func token(_ id: String, of user: String, expires: Int64? = 100) -> APIToken {
        APIToken(
            id: id, kind: .program, name: "ci ü", principal: user, digest: "digest of \(id)",
            rights: [.view, .build], guestOSes: ["debian*", "x"], createdMilliseconds: 5,
            expiresMilliseconds: expires)
    }

    private static func session(_ digest: String, of user: String) -> BrowserSession {
        BrowserSession(
            digest: digest, principal: user, address: "10.0.0.7", createdMilliseconds: 10,
            lastUsedMilliseconds: 20)
    }

    @Test(
        "Users are added, changed and removed, with all that is theirs",
        arguments: StoreKind.allCases)
    func users(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.apply(.add(Self.user("anna"), passwordHash: "h1"))
            try await leader.apply(.add(Self.user("bert", .viewer), passwordHash: nil))
            let taken = await #expect(throws: StoreError.self) {
                try await leader.apply(.add(Self.user("anna"), passwordHash: "h2"))
            }
            #expect(taken?.code == .exists)
            #expect(
                try await store.accessRecords().principals
                    == [Self.user("anna"), Self.user("bert", .viewer)])
            #expect(try await store.passwordHash(ofPrincipal: "anna") == "h1")
            #expect(try await store.passwordHash(ofPrincipal: "bert") == nil)
            #expect(try await store.passwordHash(ofPrincipal: "nobody") == nil)

            var changed = Self.user("anna", .administrator)
            (changed.createdMilliseconds, changed.changedMilliseconds) = (9, 9)
            (changed.isDisabled, changed.teams) = (true, [])
            try await leader.apply(.change(changed, passwordHash: nil))
            changed.createdMilliseconds = 1
            #expect(try await store.accessRecords().principals.first == changed)
            #expect(try await store.passwordHash(ofPrincipal: "anna") == "h1")
            try await leader.apply(.change(changed, passwordHash: "h3"))
            #expect(try await store.passwordHash(ofPrincipal: "anna") == "h3")
            for change in [
                AccessChange.change(Self.user("nobody"), passwordHash: nil),
                .removePrincipal("nobody"), .removeToken(id: "nothing"),
            ] {
                let error = await #expect(throws: StoreError.self) {
                    try await leader.apply(change)
                }
                #expect(error?.code == .notFound, "\(change)")
            }

            for name in ["anna", "bert"] {
                try await leader.apply(.addToken(Self.token("t-\(name)", of: name)))
                try await leader.apply(.addSession(Self.session("s-\(name)", of: name)))
            }
            try await leader.apply(.removePrincipal("anna"))
            let left = try await store.accessRecords()
            #expect(left.principals.map(\.name) == ["bert"])
            #expect(left.tokens == [Self.token("t-bert", of: "bert")])
            #expect(left.sessions == [Self.session("s-bert", of: "bert")])
        }
    }

    @Test(
        "A new password, and being disabled, end a user's sessions in the same change",
        arguments: StoreKind.allCases)
    func endedSessions(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for name in ["anna", "bert"] {
                try await leader.apply(.add(Self.user(name), passwordHash: "h1"))
                try await leader.apply(.addSession(Self.session("s-\(name)", of: name)))
            }
            func sessions() async throws -> [String] {
                try await store.accessRecords().sessions.map(\.digest)
            }
            try await leader.apply(.change(Self.user("anna", .viewer), passwordHash: nil))
            #expect(try await sessions() == ["s-anna", "s-bert"])
            try await leader.apply(.change(Self.user("anna"), passwordHash: "h2"))
            #expect(try await sessions() == ["s-bert"])
            var disabled = Self.user("bert")
            disabled.isDisabled = true
            try await leader.apply(.change(disabled, passwordHash: nil))
            #expect(try await sessions() == [])
        }
    }

    @Test("Uses are noted, and what has expired is removed", arguments: StoreKind.allCases)
    func upkeep(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.apply(.add(Self.user("anna"), passwordHash: nil))
            for (id, expires) in [("a", 100), ("b", nil), ("c", 50)] as [(String, Int64?)] {
                try await leader.apply(.addToken(Self.token(id, of: "anna", expires: expires)))
            }
            for digest in ["1", "2", "3"] {
                try await leader.apply(.addSession(Self.session(digest, of: "anna")))
            }
            try await leader.apply(
                .uses(tokens: ["a": 70, "gone": 1], sessions: ["1": 90, "gone": 1]))
            var records = try await store.accessRecords()
            #expect(records.tokens.map(\.lastUsedMilliseconds) == [70, nil, nil])
            #expect(records.sessions.map(\.lastUsedMilliseconds) == [90, 20, 20])
            try await leader.apply(
                .removeExpired(
                    tokensBefore: 60, sessionsUsedBefore: 30, sessionsCreatedBefore: 10))
            records = try await store.accessRecords()
            #expect(records.tokens.map(\.id) == ["a", "b"])
            #expect(records.sessions.map(\.digest) == ["1"])
            try await leader.apply(.removeToken(id: "a"))
            try await leader.apply(.removeSession(digest: "1"))
            try await leader.apply(.removeSession(digest: "1"))
            try await leader.apply(.addSession(Self.session("4", of: "anna")))
            try await leader.apply(.removeSessions(principal: "anna"))
            records = try await store.accessRecords()
            #expect(records.tokens.map(\.id) == ["b"] && records.sessions.isEmpty)
        }
    }

    @Test("A code is taken once, and the oldest make room", arguments: StoreKind.allCases)
    func codes(_ kind: StoreKind) async throws {
        try await kind.with { store, _ in
            func code(_ number: Int) -> SignInCode {
                SignInCode(
                    digest: "c\(number)", principal: "anna", createdMilliseconds: Int64(number),
                    expiresMilliseconds: Int64(number) + 100)
            }
            for number in 0..<(AccessBounds.codes + 3) {
                let entry = AuditEntry(
                    atMilliseconds: Int64(number), actor: "anna", action: "sign-in.code",
                    subject: "anna")
                try await store.add(code(number), recording: entry)
            }
            #expect(try await store.audit(limit: 200).count == AccessBounds.codes + 3)
            #expect(try await store.takeCode(digest: "c2") == nil)
            #expect(try await store.takeCode(digest: "c3") == code(3))
            #expect(try await store.takeCode(digest: "c3") == nil)
            #expect(try await store.takeCode(digest: "c102") == code(102))
        }
    }

    @Test(
        "The audit log is filtered, and pages go on by their last row",
        arguments: StoreKind.allCases)
    func audit(_ kind: StoreKind) async throws {
        try await kind.with { store, _ in
            let origin = AuditOrigin(address: "10.0.0.7", way: "token 3f", request: "r1")
            for number in 1...6 {
                try await store.record(
                    AuditEntry(
                        atMilliseconds: Int64(number) * 10,
                        actor: number.isMultiple(of: 2) ? "anna" : "bert",
                        action: ["host.drain", "host.add", "hosts.x"][number % 3],
                        subject: "kvm\(number % 2)", detail: "ü % _",
                        origin: number == 1 ? origin : nil))
            }
            func times(_ filter: AuditFilter, limit: Int = 10) async throws -> [Int64] {
                try await store.audit(filter, limit: limit).map(\.atMilliseconds)
            }
            #expect(try await times(AuditFilter()) == [60, 50, 40, 30, 20, 10])
            #expect(try await times(AuditFilter(actor: "anna")) == [60, 40, 20])
            #expect(try await times(AuditFilter(action: "host")) == [60, 40, 30, 10])
            #expect(try await times(AuditFilter(action: "host.add")) == [40, 10])
            #expect(try await times(AuditFilter(action: "hos_")) == [])
            #expect(try await times(AuditFilter(actor: "bert", subject: "kvm1")) == [50, 30, 10])
            let range = AuditFilter(sinceMilliseconds: 20, untilMilliseconds: 50)
            #expect(try await times(range) == [40, 30, 20])
            let page = try await store.audit(AuditFilter(), limit: 2)
            #expect(try await times(AuditFilter(beforeID: page[1].id), limit: 2) == [40, 30])
            #expect(try await store.audit(limit: 6).last?.origin == origin)
            #expect(try await store.audit(limit: 1).first?.origin == nil)
        }
    }
}
