import OpenStackKit
import TestSupport
import Testing

/// Logins other than by password, at a fake Keystone.
struct CredentialTests {
    private func session(
        _ cloud: FakeCloud, _ credential: CloudLogin.Credential,
        _ project: CloudLogin.Project = .ofCredential
    ) -> CloudSession {
        CloudSession(
            CloudLogin(authURL: cloud.url + "/identity", credential, project: project))
    }

    @Test("An application credential needs no project, and its secret is never shown")
    func applicationCredential() async throws {
        let cloud = try await FakeCloud.start()
        let good = session(cloud, .application(id: "credential-id", secret: "credential-secret"))
        #expect(try await good.projectID() == "pid")
        #expect(good.login.description.contains("application credential credential-id at"))
        let bad = session(cloud, .application(id: "credential-id", secret: "guess"))
        let error = try await cloudError { _ = try await bad.projectID() }
        #expect(error.code == .credentials)
        #expect(error.description.contains("application credential credential-id"))
        #expect(error.description.contains("openstack application credential create"))
        #expect(!error.description.contains("guess"))
    }

    @Test("Domains and projects can be given by their ids") func ids() async throws {
        let cloud = try await FakeCloud.start()
        let password = CloudLogin.Credential.password(
            FakeCloud.password, user: FakeCloud.user, domain: .id("default"))
        #expect(try await session(cloud, password, .id("pid")).projectID() == "pid")
        let named = CloudLogin.Project.name("images", domain: .id("default"))
        #expect(try await session(cloud, password, named).projectID() == "pid")
    }

    @Test("A token of the right project is used without another login") func token() async throws {
        let cloud = try await FakeCloud.start()
        let session = session(cloud, .token("given-token"))
        #expect(try await session.currentToken() == "given-token")
        #expect(try await session.givenTokenEnd()?.isEmpty == false)
        #expect(cloud.requests == ["GET /identity/v3/auth/tokens"])
    }

    @Test("A token without a project is exchanged for one with the project")
    func unscopedToken() async throws {
        let cloud = try await FakeCloud.start()
        let project = CloudLogin.Project.name("images", domain: .name("Default"))
        let session = session(cloud, .token("unscoped-token"), project)
        #expect(try await session.projectID() == "pid")
        #expect(try await session.currentToken() != "unscoped-token")
    }

    @Test("A token that has expired, and one of another project, are told apart")
    func wrongTokens() async throws {
        let cloud = try await FakeCloud.start()
        let expired = try await cloudError {
            _ = try await session(cloud, .token("old")).projectID()
        }
        #expect(expired.code == .credentials)
        #expect(expired.description.contains("openstack token issue"))
        let other = try await cloudError {
            _ = try await session(cloud, .token("given-token"), .id("other")).projectID()
        }
        #expect(other.code == .project)
        #expect(other.description.contains("for project images (pid)"), "\(other)")
    }

    @Test("A token that lives for seconds is renewed in time") func shortLife() async throws {
        let cloud = try await FakeCloud.start { $0.tokenSeconds = 1 }
        let password = CloudLogin.Credential.password(
            FakeCloud.password, user: FakeCloud.user, domain: .name("Default"))
        let session = session(cloud, password, .id("pid"))
        let first = try await session.currentToken()
        try await eventually("another token") { try await session.currentToken() != first }
    }
}
