import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import Synchronization
import TestSupport
import Testing

/// Another system that knows people, as a test says.
final class ListedPeople: IdentityProvider {
    private let people = Mutex<[String: (password: String, identity: ProvidedIdentity)]>([:])
    private let asked = Mutex<[String]>([])

    var source: Principal.Source { .keystone }
    var names: [String] { asked.withLock(\.self) }

    func set(_ name: String, _ role: Role?, teams: [String] = []) {
        let identity = ProvidedIdentity(
            name: name, role: role, teams: teams, has: ["a", "b"], accepted: ["c", "d"])
        people.withLock { $0[name] = (AccountFarm.password, identity) }
    }

    func identity(_ name: String, _ password: String) async throws -> ProvidedIdentity? {
        asked.withLock { $0.append(name) }
        if name == "hung" { throw PasswordFault(.busy, "Keystone cannot be asked: no answer") }
        return people.withLock { people in
            people[name].flatMap { $0.password == password ? $0.identity : nil }
        }
    }
}

@Suite("Signing in by another system") struct ProviderTests {
    private let people = ListedPeople()
    private let farm: AccountFarm

    init() async throws { farm = try await AccountFarm(identities: people) }

    private func signIn(
        _ name: String, _ password: String = AccountFarm.password
    ) async throws -> Answer {
        try await farm.ask(
            "POST", "/api/v1/sign-in", #"{"name":"\#(name)","password":"\#(password)"}"#)
    }

    @Test("Role and teams follow the other system at each sign-in") func follows() async throws {
        people.set("anna", .viewer)
        let token = try AccountFarm.token(try await signIn("anna"))
        func who() async throws -> String {
            try await farm.ask("GET", "/api/v1/whoami", token: token).text
        }
        #expect(try await who().contains(#""role":"viewer""#))
        people.set("anna", .operator, teams: ["cloud"])
        #expect(try await who().contains(#""role":"viewer""#), "until she signs in again")
        #expect(try await signIn("anna").status == 201)
        let now = try await who()
        #expect(now.contains(#""role":"operator""#) && now.contains(#""teams":["cloud"]"#))
        let user = try await farm.ask("GET", "/api/v1/users/anna", token: API.token)
        #expect(user.text.contains(#""source":"keystone""#))
        let rows = try await farm.ask("GET", "/api/v1/audit?actor=keystone", token: API.token)
        #expect(rows.text.contains("role: viewer → operator, teams: none → cloud"), "\(rows.text)")

        // What belongs to the other system is not changed here, but whom to keep out is.
        for form in [#"{"role":"viewer"}"#, #"{"password":"long enough for all"}"#] {
            let answer = try await farm.ask("PUT", "/api/v1/users/anna", form, token: API.token)
            #expect(answer.status == 409 && answer.text.contains("keystone"), "\(answer.text)")
        }
        _ = try await farm.ask(
            "PUT", "/api/v1/users/anna", #"{"disabled":true}"#, token: API.token)
        #expect(try await signIn("anna").status == 403)
        #expect(try await farm.ask("GET", "/api/v1/hosts", token: token).status == 401)
    }

    @Test("Who has no role is told what is there and what is accepted") func noRole() async throws {
        people.set("bert", nil)
        let answer = try await signIn("bert")
        #expect(answer.status == 403)
        #expect(answer.text.contains("you have 'a', 'b'; accepted is 'c', 'd'"), "\(answer.text)")
        #expect(await farm.store.accessRecords().principals.isEmpty)
        let wrong = try await signIn("bert", "wrong horse battery")
        #expect(wrong.status == 401 && wrong.text.contains("The name or the password is wrong"))
    }

    @Test("The coordinator's own users are not asked of it, nor may it name the coordinator")
    func ownUsers() async throws {
        try await farm.add("anna", .viewer)
        people.set("anna", .administrator)
        people.set("local", .administrator)
        people.set("a/b", .administrator)
        let token = try AccountFarm.token(try await signIn("anna"))
        let who = try await farm.ask("GET", "/api/v1/whoami", token: token)
        #expect(who.text.contains(#""role":"viewer""#))
        #expect(try await signIn("local").status == 400)
        #expect(try await signIn("a/b").status == 400)
        #expect(people.names == ["local", "a/b"])
        #expect(try await signIn("hung").status == 503)
        #expect(try await signIn("anna").status == 201, "while the other system is away")
        // Tries are limited as everybody's.
        var tried = 0
        for _ in 0..<50 where try await signIn("carl", "wrong horse battery").status == 401 {
            tried += 1
        }
        #expect(tried == 10)
    }
}
