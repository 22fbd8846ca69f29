import CoordinatorAdapters
import CoordinatorCore
import HTTPServerKit
import HTTPTypes
import TestSupport
import Testing

/// Who signs in by Keystone, asked of a real one, and of some that are not honest.
@Suite struct KeystoneIdentityTests {
    private func identities(
        _ url: String, project: String = "release",
        roles: [String: Role] = ["Member": .operator, "admin": .administrator],
        authorities: String? = nil, domains: [String] = []
    ) -> KeystoneIdentities {
        KeystoneIdentities(
            KeystoneSettings(
                url: url, domain: "Default", domains: domains, project: project,
                projectDomain: "Default",
                roles: roles, teams: ["cloud"], authorities: authorities))
    }

    @Test("The roles of the project decide; a wrong password is nobody") func roles() async throws {
        let stack = try await OpenStack.shared()
        let keystone = identities(stack.keystoneURL)
        let known = try #require(try await keystone.identity("releaser", "releaser-secret"))
        #expect(known.role == .operator && known.teams == ["cloud"])
        #expect(try await keystone.identity("releaser", "wrong") == nil)
        #expect(try await keystone.identity("nobody", "wrong") == nil)

        let none = try #require(
            try await identities(stack.keystoneURL, roles: ["auditor": .viewer])
                .identity("releaser", "releaser-secret"))
        #expect(none.role == nil && none.accepted == ["auditor"])
        #expect(none.has.contains("the role member in the project release"), "\(none.has)")
        // A project in which the user has no role.
        let other = try #require(
            try await identities(stack.keystoneURL, project: "consumer")
                .identity("releaser", "releaser-secret"))
        #expect(other.role == nil && other.has.isEmpty)
    }

    @Test("Users of other domains sign in as NAME@DOMAIN, and of no unlisted one")
    func domains() async throws {
        let stack = try await OpenStack.shared()
        let domain = "partners-\(UInt32.random(in: .min ... .max))"
        try await stack.addUser("paula", domain: domain, memberOf: "release")
        var keystone = identities(stack.keystoneURL)
        #expect(try await keystone.identity("paula@\(domain)", "paula-secret") == nil)
        keystone = identities(stack.keystoneURL, domains: [domain])
        let known = try #require(
            try await keystone.identity("paula@\(domain)", "paula-secret"))
        #expect(known.name == "paula@\(domain)" && known.role == .operator)
        #expect(try await keystone.identity("paula", "paula-secret") == nil)
        #expect(try await keystone.identity("releaser@\(domain)", "releaser-secret") == nil)
    }

    @Test("TLS is verified by the authority of the settings, and by nothing else")
    func verifies() async throws {
        let stack = try await OpenStack.shared()
        let trusted = identities(
            stack.safeKeystoneURL, authorities: stack.certificates.folder + "/ca.pem")
        #expect(try await trusted.identity("releaser", "releaser-secret")?.role == .operator)
        let stranger = await #expect(throws: PasswordFault.self) {
            try await identities(stack.safeKeystoneURL).identity("releaser", "releaser-secret")
        }
        #expect(stranger?.description.contains("Keystone cannot be asked") == true)
    }

    @Test(
        "A Keystone that lies gives nobody more than the settings say",
        arguments: [
            (201, #"{"token":{"roles":"admin"}}"#), (201, "not JSON"), (201, ""),
            (200, #"{"token":{"roles":[{"name":"admin"}]}}"#), (500, "{}"), (302, ""),
            (
                201,
                #"{"token":{"expires_at":"2030-01-01T00:00:00Z","roles":[{"name":"root"}],"#
                    + #""user":{"name":"admin"},"project":{"id":"x","name":"release"},"#
                    + #""catalog":[]}}"#
            ),
        ])
    func evil(_ status: Int, _ body: String) async throws {
        let server = HTTPServer(host: "127.0.0.1", port: 0) { _ in
            var headers: HTTPHeaders = ["X-Subject-Token": "t"]
            if status == 302 { headers.set("Location", "http://192.0.2.1/") }
            return HTTPResponse(status: status, headers: headers, body: .bytes(Array(body.utf8)))
        }
        try server.start()
        let keystone = identities("http://127.0.0.1:\(server.boundPort)/v3")
        let found = try? await keystone.identity("anna", "a password")
        #expect(found?.role == nil)
        await server.stop()
    }
}
