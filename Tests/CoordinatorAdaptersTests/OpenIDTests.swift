@testable import CoordinatorAdapters
import CoordinatorCore
import FoundationEssentials
import Support
import Synchronization
import TestSupport
import Testing
import TextKit

/// Time passes as a test says, but for the day.
private final class SteppedClock: TimeSource {
    private let passed = Atomic<Int64>(0)

    func advance(milliseconds: Int64) { passed.add(milliseconds, ordering: .relaxed) }
    func unixMilliseconds() -> Int64 { SystemClock().unixMilliseconds() }
    func monotonicMilliseconds() -> Int64 { passed.load(ordering: .relaxed) }
    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {
        try await SystemClock().sleep(untilMonotonicMilliseconds: deadline)
    }
}

private final class Count: Sendable {
    private let number = Atomic(0)

    func add() { number.add(1, ordering: .relaxed) }
    var value: Int { number.load(ordering: .relaxed) }
}

/// Who signs in by OpenID Connect, of a provider that is not honest. The end-to-end tests have a
/// real one.
@Suite struct OpenIDTests {
    private let folder: TemporaryFolder
    private let visit = BrowserVisit(
        state: "state", nonce: "nonce", verifier: String(repeating: "v", count: 64),
        challenge: PKCE.challenge(of: String(repeating: "v", count: 64)))

    init() throws {
        folder = try TemporaryFolder()
        try Files.replace(folder.path + "/secret", with: (OpenIDServer.secret + "\n").utf8)
    }

    private func settings(
        _ server: LyingOpenIDServer, issuer: String? = nil, groups: String = "groups"
    ) -> OpenIDSettings {
        OpenIDSettings(
            issuer: issuer ?? server.issuer, label: "Lies", clientID: OpenIDServer.client,
            secretFile: folder.path + "/secret",
            redirectURL: "https://farm.test/sign-in/openid/callback",
            scopes: ["openid", "profile"], nameClaim: "preferred_username", groupsClaim: groups,
            roles: ["builders": .operator, "guests": .viewer, "masters": .administrator],
            teams: ["builders": "linux", "guests": "everybody"], authorities: nil)
    }

    private func provider(
        _ server: LyingOpenIDServer, clock: any TimeSource = SystemClock(),
        issuer: String? = nil, groups: String = "groups"
    ) -> OpenIDProvider {
        OpenIDProvider(settings(server, issuer: issuer, groups: groups), clock: clock)
    }

    /// What the provider makes its answer of.
    private func code(_ order: JSON) -> String {
        guard case .object(var fields) = order else { return "" }
        if fields["nonce"] == nil { fields["nonce"] = .string(visit.nonce) }
        fields["challenge"] = .string(visit.challenge)
        return Data(JSON.object(fields).bytes).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private func set(_ server: LyingOpenIDServer, _ now: JSON) async throws {
        try await server.set(now.bytes)
    }

    private func fault(
        _ provider: OpenIDProvider, _ order: JSON
    ) async throws -> IdentityFault? {
        do {
            _ = try await provider.identity(code: code(order), of: visit)
            return nil
        } catch let fault as IdentityFault { return fault }
    }

    @Test("The best of the groups' roles counts, with all of their teams") func groups()
        async throws
    {
        let server = try await LyingOpenIDServer()
        let provider = provider(server)
        let address = try await provider.address(for: visit)
        #expect(address.hasPrefix(server.issuer + "/authorize?tenant=1&response_type=code&"))
        for part in [
            "redirect_uri=https%3A%2F%2Ffarm.test%2Fsign-in%2Fopenid%2Fcallback",
            "scope=openid%20profile", "state=state", "nonce=nonce", "code_challenge_method=S256",
            "code_challenge=\(visit.challenge)",
        ] { #expect(address.contains(part), "\(address)") }

        let orders: [JSON] = [
            ["claims": ["groups": ["guests", "builders", "others"]]],
            ["claims": ["groups": ["guests", "builders", 7]], "key": "ec"],
            [
                "claims": [
                    "aud": ["aibuild", "api"], "azp": "aibuild", "groups": ["builders", "guests"],
                ]
            ],
            ["header": ["kid": .null], "claims": ["groups": ["builders", "guests"]]],
        ]
        for order in orders {
            let known = try await provider.identity(code: code(order), of: visit)
            #expect(known.name == "anna" && known.role == .operator)
            #expect(known.subject == "\(server.issuer) subject-1", "of this provider")
            #expect(known.teams == ["everybody", "linux"])
        }
        let none = try await provider.identity(
            code: code(["claims": ["groups": ["others"]]]), of: visit)
        #expect(none.role == nil && none.has == ["others"])
        #expect(none.accepted == ["builders", "guests", "masters"])
        let odd = try await provider.identity(
            code: code(["claims": ["groups": ["builders": true]]]), of: visit)
        #expect(odd.role == nil && odd.has.isEmpty)
    }

    @Test("Claims may be nested, or left to a second question") func places() async throws {
        let server = try await LyingOpenIDServer()
        let nested = provider(server, groups: "realm.roles")
        #expect(
            try await nested.identity(
                code: code(["claims": ["realm": ["roles": ["masters"]]]]), of: visit
            ).role == .administrator)
        let plain = provider(server)
        let more: JSON = ["sub": "subject-1", "groups": ["guests"], "preferred_username": "carl"]
        let known = try await plain.identity(
            code: code(["without": ["groups"], "userinfo": more]), of: visit)
        #expect(known.role == .viewer)
        #expect(known.name == "anna", "what is signed counts more")
        let other: JSON = ["sub": "subject-2", "groups": ["masters"]]
        let fault = try await fault(plain, ["without": ["groups"], "userinfo": other])
        #expect(fault?.description.contains("two people") == true)
    }

    @Test(
        "A token that is not for this sign-in, or not the provider's, is refused",
        arguments: [
            (["lie": "none"], "not believed"), (["lie": "shared"], "not believed"),
            (["lie": "forged"], "not believed"), (["lie": "changed"], "not believed"),
            (["key": "other"], "not believed"),
            (["header": ["kid": "../rsa"]], "not believed"),
            (["claims": ["aud": "another"]], "another client, \"another\""),
            (["claims": ["aud": ["aibuild", "another"]]], "another client"),
            (["claims": ["aud": ["aibuild", "another"], "azp": "another"]], "another client"),
            (["claims": ["azp": "another"]], "another client"),
            (["without": ["aud"]], "another client"),
            (["claims": ["iss": "https://evil.test"]], "another issuer"),
            (["claims": ["exp": "-300"]], "has expired"),
            (["claims": ["iat": "600"]], "of the future"),
            (["claims": ["nbf": "600"]], "of the future"),
            (["claims": ["exp": .double(1e300)]], "from when to when"),
            (["without": ["exp"]], "from when to when"),
            (["without": ["iat"]], "from when to when"),
            (["nonce": "another"], "another sign-in"), (["without": ["nonce"]], "another sign-in"),
            (["without": ["sub"]], "who the person is"),
            (["claims": ["sub": ""]], "who the person"),
            (["claims": ["preferred_username": 7]], "no name"),
            (["status": 400, "body": ["error": "invalid_grant"]], "400: invalid_grant"),
            (["status": 302], "302"), (["status": 200, "body": []], "no identity token"),
            (["status": 200, "body": ["id_token": "x.y.z"]], "not believed"),
        ] as [(JSON, String)])
    func lies(_ order: JSON, _ words: String) async throws {
        let provider = provider(try await Self.server.value)
        let fault = try #require(try await fault(provider, order))
        #expect(fault.code == .refused && fault.description.contains(words), "\(fault)")
    }

    private static let server = Task { try await LyingOpenIDServer() }

    @Test("A new key is learned; one that is gone is not; strangers do not make it ask on and on")
    func rotation() async throws {
        let server = try await LyingOpenIDServer()
        let clock = SteppedClock()
        let provider = provider(server, clock: clock)
        #expect(try await fault(provider, ["key": "new"]) != nil, "not listed")
        try await set(server, ["jwks": ["new"]])
        #expect(try await fault(provider, ["key": "new"]) != nil, "asked a moment ago")
        clock.advance(milliseconds: 6_000)
        #expect(try await fault(provider, ["key": "new"]) == nil)
        #expect(try await fault(provider, [:])?.code == .refused, "the old key is gone")
        // A set that cannot be read is told from a token that is wrong.
        try await set(server, ["jwks_status": 404])
        clock.advance(milliseconds: 3_600_000)
        let gone = try await fault(provider, ["key": "new"])
        #expect(gone?.code == .unreachable && gone?.description.contains("keys") == true)
    }

    @Test("A description of another provider, or one that leads to plain HTTP, is not believed")
    func descriptions() async throws {
        let server = try await LyingOpenIDServer()
        let other = provider(server, issuer: server.issuer + "/")
        let fault = try await fault(other, [:])
        #expect(fault?.code == .unreachable)
        #expect(fault?.description.contains("write that as sign_in.openid.issuer") == true)
        let descriptions: [JSON] = [
            ["token_endpoint": "file:///etc/passwd"], ["jwks_uri": 7],
            ["authorization_endpoint": "https://a b/"], ["userinfo_endpoint": "javascript:x"],
        ]
        for description in descriptions {
            try await set(server, ["description": description])
            let provider = provider(server)
            await #expect(throws: IdentityFault.self) { try await provider.address(for: visit) }
        }
        try await set(server, ["description": [:]])
        try Files.replace(folder.path + "/secret", with: "another".utf8)
        let stranger = try await self.fault(provider(server), [:])
        #expect(stranger?.code == .unreachable, "that is no fault of the person's")
        #expect(stranger?.description.contains("check client_id and") == true)
        server.kill()
        let away = provider(server)
        await #expect(throws: IdentityFault.self) { try await away.address(for: visit) }
    }

    @Test("A hundred people who sign in at once make one fetch, and share its failure")
    func sharedFetch() async throws {
        let fetch = SharedFetch<Int>(limit: 100)
        let count = Count()
        let (gate, opening) = AsyncStream<Void>.makeStream()
        let people = Task {
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        let outcome = await fetch.outcome {
                            count.add()
                            for await _ in gate {}
                            return .failure(IdentityFault(.unreachable, "it is away"))
                        }
                        return (try? outcome.get()) != nil
                    }
                }
                return await group.reduce(into: [Bool]()) { $0.append($1) }
            }
        }
        try await eventually("all of them wait") { await fetch.waiting == 100 }
        // Nobody waits behind more people than connections can be.
        await #expect(throws: IdentityFault.self) { try await fetch.outcome { .success(1) }.get() }
        opening.finish()
        let signedIn = await people.value
        #expect(signedIn.count == 100 && signedIn.allSatisfy { !$0 })
        #expect(count.value == 1)
        #expect(try await fetch.outcome { .success(2) }.get() == 2, "whoever comes now asks again")
    }

    @Test("The provider says when it was reached, and what went wrong since")
    func contact() async throws {
        let server = try await LyingOpenIDServer()
        let provider = provider(server)
        try await set(server, ["description_status": 500])
        await #expect(throws: IdentityFault.self) { try await provider.address(for: visit) }
        #expect(provider.contact.problem?.contains("500") == true)
        #expect(provider.contact.reachedMilliseconds == nil)
        try await set(server, ["description_status": 200])
        for _ in 0..<3 { _ = try await provider.address(for: visit) }
        #expect(try await server.asked("/.well-known/openid-configuration") == 2)
        #expect(provider.contact.problem == nil && provider.contact.reachedMilliseconds != nil)
    }

    @Test("An answer that says it is another provider's is refused") func issuers() async throws {
        let server = try await LyingOpenIDServer()
        let plain = provider(server)
        try await plain.check(issuer: nil)
        try await plain.check(issuer: server.issuer)
        for other in ["https://evil.test", server.issuer + "/", ""] {
            let fault = await #expect(throws: IdentityFault.self) {
                try await plain.check(issuer: other)
            }
            #expect(fault?.code == .refused && "\(fault as Any)".contains("another provider"))
        }
        try await set(
            server, ["description": ["authorization_response_iss_parameter_supported": true]])
        let naming = provider(server)
        try await naming.check(issuer: server.issuer)
        let fault = await #expect(throws: IdentityFault.self) {
            try await naming.check(issuer: nil)
        }
        #expect(fault?.code == .refused && "\(fault as Any)".contains("(iss)"))
    }

    @Test("A check finds why nobody could sign in; a provider that is away is a warning")
    func check() async throws {
        let server = try await LyingOpenIDServer()
        let check = OpenIDCheck(settings(server))
        #expect(await check.findings().isEmpty)
        let cases: [(JSON, String, Bool)] = [
            (["description_status": 404], "does not describe itself", false),
            (["description_status": 503], "with 503", true),
            (["description_status": 429], "with 429", true),
            (["description": ["issuer": "https://b"]], "calls itself 'https://b'", false),
            (["description": ["response_types_supported": ["id_token"]]], "code flow", false),
            (["description": ["grant_types_supported": ["implicit"]]], "(grant_types", false),
            (["description": ["code_challenge_methods_supported": ["plain"]]], "S256", true),
            (["description": ["code_challenge_methods_supported": .null]], "not say", true),
            (["jwks_status": 404], "keys cannot be read", false),
            (["jwks_status": 502], "with 502", true),
        ]
        for (now, words, isWarning) in cases {
            try await set(
                server, ["description_status": 200, "jwks_status": 200, "description": [:]])
            try await set(server, now)
            let found = await check.findings()
            #expect(found.count == 1 && found.first?.isWarning == isWarning, "\(found)")
            #expect(found.first?.words.contains(words) == true, "\(found)")
        }
        server.kill()
        let away = await check.findings()
        #expect(away.map(\.isWarning) == [true], "\(away)")
        #expect(away.first?.words.contains("cannot be reached") == true)
    }
}
