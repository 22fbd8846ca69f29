import OpenStackKit
import TestSupport
import Testing

/// Logins against a real Keystone.
struct LoginTests {
    @Test("The endpoint is that of the region and the interface of the login")
    func endpoints() async throws {
        let stack = try await OpenStack.shared()
        let one = CloudSession(.releaser(stack))
        #expect(try await one.endpoint("image") == "http://127.0.0.1:\(stack.port(.glance1))")
        var login = CloudLogin.releaser(stack, region: "RegionTwo")
        login.interface = .internal
        // An address without a version is accepted as well.
        login.authURL = String(login.authURL.dropLast(3)) + "/"
        let two = CloudSession(login)
        #expect(try await two.endpoint("image") == "http://127.0.0.1:\(stack.port(.glance2))")
        #expect(try await two.roles().contains("member"))
        #expect(try await two.projectID() == one.projectID())
    }

    @Test("A wrong password and a wrong project fail with different messages")
    func wrongLogin() async throws {
        let stack = try await OpenStack.shared()
        var login = CloudLogin.releaser(stack)
        login.credential = .password("guess", user: "releaser", domain: .name("Default"))
        let password = try await cloudError { _ = try await CloudSession(login).projectID() }
        #expect(password.code == .credentials)
        #expect(password.isPermanent)
        #expect(password.description.contains("name nor password of user releaser"))
        #expect(!password.description.contains("guess"))

        login = .releaser(stack)
        login.project = .name("relase", domain: .name("Default"))
        let project = try await cloudError { _ = try await CloudSession(login).projectID() }
        #expect(project.code == .project)
        #expect(project.description.contains("no role in project relase"))
        #expect(project.description.contains("release, staging"))
    }

    @Test("An application credential logs in to its project") func applicationCredential()
        async throws
    {
        let stack = try await OpenStack.shared()
        let made = try await stack.applicationCredential(ofUser: "releaser", project: "release")
        var login = CloudLogin(
            authURL: stack.keystoneURL, .application(id: made.id, secret: made.secret))
        login.region = "RegionOne"
        let session = CloudSession(login)
        #expect(
            try await session.projectID() == CloudSession(.releaser(stack)).projectID())
        #expect(try await GlanceClient(session).images([("name", "none")]).isEmpty)
        login.credential = .application(id: made.id, secret: "guess")
        let refused = try await cloudError { _ = try await CloudSession(login).projectID() }
        #expect(refused.code == .credentials)
        #expect(!refused.description.contains("guess"))
    }

    @Test("A token is used as it is") func givenToken() async throws {
        let stack = try await OpenStack.shared()
        let token = try await CloudSession(.releaser(stack)).currentToken()
        var login = CloudLogin(authURL: stack.keystoneURL, .token(token))
        login.region = "RegionOne"
        let session = CloudSession(login)
        #expect(try await session.currentToken() == token)
        #expect(try await GlanceClient(session).images([("name", "none")]).isEmpty)
        login.credential = .token("guess")
        let refused = try await cloudError { _ = try await CloudSession(login).projectID() }
        #expect(refused.code == .credentials)
    }

    @Test("A missing region, interface or service is reported with what the catalog has")
    func catalog() async throws {
        let stack = try await OpenStack.shared()
        var login = CloudLogin.releaser(stack, region: "Mars")
        let region = try await cloudError { _ = try await CloudSession(login).endpoint("image") }
        #expect(region.code == .catalog)
        #expect(region.description.contains("no region 'Mars'"))
        #expect(region.description.contains("RegionOne"))
        login.region = nil
        let several = try await cloudError { _ = try await CloudSession(login).endpoint("image") }
        #expect(several.description.contains("one must be named"))
        login.interface = .admin
        let interface = try await cloudError { _ = try await CloudSession(login).endpoint("image") }
        #expect(interface.description.contains("no interface 'admin'"))
        let service = try await cloudError { _ = try await CloudSession(login).endpoint("compute") }
        #expect(service.description.contains("no service 'compute'"))
    }

    @Test("An unreachable Keystone is worth a retry; another server in its place is not")
    func unreachable() async throws {
        let stack = try await OpenStack.shared()
        var login = CloudLogin.releaser(stack)
        login.authURL = "http://127.0.0.1:\(try LoopbackPort.free())/v3"
        let away = try await cloudError { _ = try await CloudSession(login).projectID() }
        #expect(away.code == .unreachable)
        #expect(!away.isPermanent)
        // A server other than Keystone.
        login.authURL = "http://127.0.0.1:\(stack.port(.glance1))"
        let other = try await cloudError { _ = try await CloudSession(login).projectID() }
        #expect(other.isPermanent)
        #expect(!other.description.contains("<"))
    }
}
