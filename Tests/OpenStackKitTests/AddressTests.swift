import HTTPClientKit
import OpenStackKit
import TestSupport
import Testing

/// Addresses of Keystone and Glance as people and catalogs write them, at a fake cloud.
struct AddressTests {
    private func login(_ cloud: FakeCloud, _ path: String = "/identity") -> CloudLogin {
        CloudLogin(
            authURL: cloud.url + path, username: FakeCloud.user, password: FakeCloud.password,
            project: FakeCloud.project)
    }

    @Test(
        "Keystone is found at every form of its address",
        arguments: [
            "/identity", "/identity/", "/identity/v3", "/identity/v3/", "/identity/v2.0",
            "/identity/v2.0/", "/identity/v3/auth/tokens", "/identity/v3.14", "/keystone/v3",
            "/keystone",
        ])
    func keystone(path: String) async throws {
        let cloud = try await FakeCloud.start { $0.redirects = ["/keystone": "/identity"] }
        #expect(try await CloudSession(login(cloud, path)).projectID() == "pid")
    }

    @Test("Keystone is found through the list of versions") func discovery() async throws {
        // A proxy leads one path there, and leaves the rest to another program.
        let cloud = try await FakeCloud.start { $0.redirects = ["/cloud/": "/identity/"] }
        #expect(try await CloudSession(login(cloud, "/cloud/v3")).projectID() == "pid")
    }

    @Test("A redirect to another host is named, and gets no password")
    func foreignRedirect() async throws {
        let other = try await FakeCloud.start()
        let target = other.url.replacing("127.0.0.1", with: "localhost") + "/identity"
        let cloud = try await FakeCloud.start { $0.redirects = ["/identity": target] }
        let error = try await cloudError { _ = try await CloudSession(login(cloud)).projectID() }
        #expect(error.isPermanent)
        #expect(error.description.contains("redirects to \(target)/v3/auth/tokens"), "\(error)")
        #expect(other.requests.isEmpty)
    }

    @Test("Redirects that lead in a circle end") func circle() async throws {
        let cloud = try await FakeCloud.start { $0.redirects = ["/identity": "/identity"] }
        let error = try await cloudError { _ = try await CloudSession(login(cloud)).projectID() }
        #expect(error.description.contains("do not end"), "\(error)")
    }

    @Test("A server that is no Keystone is said to be none") func otherServer() async throws {
        let cloud = try await FakeCloud.start()
        let error = try await cloudError {
            _ = try await CloudSession(login(cloud, "/nothing")).projectID()
        }
        #expect(error.isPermanent)
        #expect(error.description.contains("no Keystone v3 (404)"), "\(error)")
    }

    @Test(
        "Glance v2 is found at every form of its address",
        arguments: ["/image", "/image/", "/image/v1", "/image/v2", "/image/v2/", "/image/v2.0"])
    func glance(path: String) async throws {
        let cloud = try await FakeCloud.start { $0.imageServices = ["glance": path] }
        let glance = GlanceClient(login(cloud))
        #expect(try await glance.images([("name", "none")]).isEmpty)
        let service = try await glance.service()
        #expect(service.url == cloud.url + "/image/v2")
        #expect((service.otherURL != nil) == path.contains("/v1") || path.contains("/v2.0"))
    }

    @Test("An endpoint that redirects leads to Glance") func redirectedGlance() async throws {
        let cloud = try await FakeCloud.start {
            $0.imageServices = ["glance": "/old"]
            $0.redirects = ["/old": "/image"]
        }
        let glance = GlanceClient(login(cloud))
        #expect(try await glance.service().url == cloud.url + "/image/v2")
        #expect(try await glance.service().otherURL == cloud.url + "/old")
        #expect(try await glance.images([]).isEmpty)
    }

    @Test("A link of the versions is followed if nothing is at the usual place, on that server")
    func linkedGlance() async throws {
        let cloud = try await FakeCloud.start {
            $0.glancePath = "/image"
            $0.imageServices = ["glance": "/list"]
            $0.redirects = ["/list/versions": "/image/versions", "/list/v2": "/nothing"]
        }
        let glance = GlanceClient(login(cloud))
        #expect(try await glance.service().url == cloud.url + "/image/v2")
    }

    @Test("A list of versions without links is enough", arguments: ["/image", "/image/v2/"])
    func noLinks(path: String) async throws {
        let cloud = try await FakeCloud.start {
            $0.imageServices = ["glance": path]
            $0.linksVersions = false
        }
        let service = try await GlanceClient(login(cloud)).service()
        #expect(service.url == cloud.url + "/image/v2")
        #expect(service.versions == ["v2.9"])
    }

    @Test("A proxy that changes paths, of which Glance's links know nothing, does no harm")
    func changedPaths() async throws {
        let cloud = try await FakeCloud.start { $0.linkPath = "/v2/" }
        #expect(
            try await GlanceClient(login(cloud)).service().url == cloud.url + "/image/v2")
    }

    @Test("Two services of one region are named, and a URL decides")
    func twoServices() async throws {
        let cloud = try await FakeCloud.start {
            $0.imageServices = ["glance": "/image", "glance-old": "/old"]
        }
        var login = login(cloud)
        login.region = "R"
        let error = try await cloudError { _ = try await GlanceClient(login).images([]) }
        #expect(error.code == .catalog)
        #expect(error.description.contains("glance at \(cloud.url)/image"), "\(error)")
        #expect(error.description.contains("glance-old at \(cloud.url)/old"))
        #expect(error.description.contains("--image-url"))
        login.imageURL = cloud.url + "/image"
        #expect(try await GlanceClient(login).images([]).isEmpty)
    }

    @Test("One service that is listed with two versions is one") func twoVersions() async throws {
        let cloud = try await FakeCloud.start {
            $0.imageServices = ["glance": "/image/v1", "glancev2": "/image/v2"]
        }
        #expect(try await GlanceClient(login(cloud)).images([]).isEmpty)
    }
}
