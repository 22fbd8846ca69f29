import CoordinatorCore
import OpenStackKit
import ProcessKit
import Support
import TestSupport
import Testing

@testable import CoordinatorAdapters

/// Checks of, and releases to, clouds that the real ones of the tests are not.
struct OtherCloudTests {
    private let target = OpenStackTarget()

    private func findings(_ orders: ReleaseOrders) async throws -> [EnvironmentFinding] {
        try await target.check(orders.environment, Secret(FakeCloud.password))
    }

    private func warnings(_ orders: ReleaseOrders) async throws -> [String] {
        try await findings(orders).filter { $0.level == .warning }.map(\.text)
    }

    @Test("The check uploads a small image, compares it, and leaves nothing")
    func checkUploads() async throws {
        let cloud = try await FakeCloud.start()
        let orders = try ReleaseOrders(cloud)
        let findings = try await findings(orders)
        #expect(findings.contains { $0.text == "a small image was uploaded and compared (sha512)" })
        for hidden in ["true", "false"] {
            #expect(try await orders.glance.images([("os_hidden", hidden)]).isEmpty)
        }
    }

    @Test("The small qcow2 image is one to QEMU") func smallImage() async throws {
        let folder = try TemporaryFolder()
        try Files.replace(folder.path + "/small.qcow2", with: CheckImage.qcow2.bytes)
        for words in [["check"], ["convert", "-O", "raw"]] {
            let target = words[0] == "convert" ? [folder.path + "/small.raw"] : []
            let output = try await Command(
                ["qemu-img"] + words + [folder.path + "/small.qcow2"] + target,
                environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300)
            #expect(output.status.isSuccess, "\(output.stderrText)")
        }
        #expect(Files.sizeBytes(folder.path + "/small.raw") == 1 << 20)
    }

    @Test("Before Rocky, a release is compared by MD5, renamed and rolled back")
    func beforeRocky() async throws {
        let cloud = try await FakeCloud.start { $0.isRocky = false }
        let orders = try ReleaseOrders(cloud)
        let warnings = try await warnings(orders)
        #expect(warnings.contains { $0.contains("older than Rocky") && $0.contains("incoming-…") })
        #expect(warnings.contains { $0.contains("MD5 only") })
        let first = try await target.release(try await orders.order(number: 1), ReleaseNotes())
        var order = try await orders.order(number: 2)
        let steps = ReleaseNotes()
        let second = try await target.release(order, steps)
        let names = { try await orders.glance.images([]).map(\.name).sorted() }
        #expect(try await names() == [orders.name, "warehoused-\(orders.name) 20261121"])
        order.journal = steps.journal
        let back = try await target.rollBack(
            orders.rollBack(order, journal: steps.journal), ReleaseNotes())
        #expect(back.remoteID == first.remoteID)
        #expect(try await orders.glance.image(first.remoteID)?.name == orders.name)
        #expect(
            try await orders.glance.image(second.remoteID)?.name.hasPrefix("withdrawn-") == true)
    }

    @Test("Before Rocky, a release that is given up leaves nothing visible", arguments: [1, 2, 3])
    func abandonedBeforeRocky(record: Int) async throws {
        let cloud = try await FakeCloud.start { $0.isRocky = false }
        let orders = try ReleaseOrders(cloud)
        var order = try await orders.order(number: 1)
        let dying = ReleaseNotes()
        dying.crash(afterRecords: record, keepsLast: false)
        _ = try? await target.release(order, dying)
        order.journal = dying.journal
        order.journal["retried"] = "yes"
        try await target.abandon(order, ReleaseNotes(order.journal))
        #expect(try await orders.glance.images([]).isEmpty)
    }

    @Test("A cloud that imports only gets a release by a staged import") func stagedImport()
        async throws
    {
        let cloud = try await FakeCloud.start {
            $0.forbidsUpload = true
            $0.imports = ["glance-direct"]
            $0.delaySeconds = 0.3
        }
        let orders = try ReleaseOrders(cloud)
        #expect(
            try await findings(orders).contains {
                $0.text == "a small image was imported (glance-direct) and compared (sha512)"
            })
        let result = try await target.release(try await orders.order(number: 1), ReleaseNotes())
        #expect(try await orders.glance.image(result.remoteID)?.name == orders.name)
    }

    @Test("A cloud that only downloads gets a release from the web root, compared as any other")
    func webDownload() async throws {
        let cloud = try await FakeCloud.start {
            $0.forbidsUpload = true
            $0.imports = ["web-download"]
        }
        let orders = try ReleaseOrders(cloud)
        #expect(try await warnings(orders).contains { $0.contains("web-download only") })
        var order = try await orders.order(number: 1)
        order.image.url = "file://" + order.imagePath
        let result = try await target.release(order, ReleaseNotes())
        #expect(try await orders.glance.image(result.remoteID)?.name == orders.name)
        // Converted bytes are nowhere to be downloaded.
        var converted = try await orders.order(number: 2)
        converted.image.url = "file://" + converted.imagePath
        converted.format = .raw
        let fault = try await fault { _ = try await target.release(converted, ReleaseNotes()) }
        #expect(fault.isPermanent)
    }

    @Test("The check finds a cloud that converts images, and a release as raw then succeeds")
    func conversion() async throws {
        let cloud = try await FakeCloud.start { $0.converts = true }
        let fault = try await fault { _ = try await findings(try ReleaseOrders(cloud)) }
        #expect(fault.isPermanent)
        #expect(fault.description.contains("--format raw"), "\(fault)")
        let orders = try ReleaseOrders(cloud) { $0.format = .raw }
        _ = try await findings(orders)
        let result = try await target.release(try await orders.order(number: 1), ReleaseNotes())
        #expect(try await orders.glance.image(result.remoteID)?.diskFormat == "raw")
    }

    @Test("The check finds a proxy that takes no large bodies") func proxyLimit() async throws {
        let cloud = try await FakeCloud.start { $0.bodyLimit = 100 }
        let fault = try await fault { _ = try await findings(try ReleaseOrders(cloud)) }
        #expect(fault.isPermanent)
        #expect(fault.description.contains("client_max_body_size"), "\(fault)")
    }

    @Test("The check shows where Glance is if the catalog names another address")
    func otherAddress() async throws {
        let cloud = try await FakeCloud.start { $0.imageServices = ["glance": "/image/v1"] }
        let findings = try await findings(try ReleaseOrders(cloud))
        #expect(findings.contains { $0.text == "Glance: \(cloud.url)/image, v2.9" })
        #expect(
            findings.contains {
                $0.text == "the catalog names \(cloud.url)/image/v1 for it, which leads there"
            })
    }

    @Test("An application credential and a token release, the token with a warning")
    func credentials() async throws {
        let cloud = try await FakeCloud.start()
        let orders = try ReleaseOrders(cloud)
        for (kind, secret) in [
            (OpenStackSettings.Authentication.applicationCredential, "credential-secret"),
            (.token, "given-token"),
        ] {
            var environment = orders.environment
            var settings = OpenStackSettings(authURL: orders.settings.authURL)
            settings.authentication = kind
            if kind == .applicationCredential { settings.applicationCredential = "credential-id" }
            environment.settings = .openstack(settings)
            #expect(environment.problem == nil)
            let findings = try await target.check(environment, Secret(secret))
            let isWarned = findings.contains { $0.text.contains("cannot be renewed") }
            #expect(isWarned == (kind == .token))
            var order = try await orders.order(number: kind == .token ? 1 : 2)
            order.environment = environment
            order.secret = Secret(secret)
            let result = try await target.release(order, ReleaseNotes())
            #expect(try await orders.glance.image(result.remoteID)?.name == orders.name)
        }
    }

    @Test("A hook gets the login in the form of OpenStack's own tools") func hookVariables() {
        var settings = OpenStackSettings(authURL: "https://k/v3", project: "p", username: "u")
        settings.projectDomainID = "default"
        let password = settings.variables(Secret("s"))
        #expect(password["OS_PASSWORD"] == "s")
        #expect(password["OS_PROJECT_DOMAIN_ID"] == "default")
        #expect(password["OS_PROJECT_DOMAIN_NAME"] == nil)
        settings = OpenStackSettings(authURL: "https://k/v3")
        settings.authentication = .applicationCredential
        settings.applicationCredential = "id"
        let credential = settings.variables(Secret("s"))
        #expect(credential["OS_AUTH_TYPE"] == "v3applicationcredential")
        #expect(credential["OS_APPLICATION_CREDENTIAL_ID"] == "id")
        #expect(credential["OS_APPLICATION_CREDENTIAL_SECRET"] == "s")
        #expect(credential["OS_USERNAME"] == nil)
        settings.authentication = .token
        #expect(settings.variables(Secret("s"))["OS_TOKEN"] == "s")
    }
}
