import CoordinatorAdapters
import CoordinatorCore
import OpenStackKit
import ProcessKit
import Support
import TestSupport
import Testing

/// Releases to a real Glance.
struct OpenStackTargetTests {
    private let target = OpenStackTarget()

    @Test("A released image carries its properties") func releasedProperties() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        var order = try await orders.order(
            number: 7,
            properties: ["hw_disk_bus": "virtio", "os_distro": "devuan", "min_ram": "64"],
            virtualSize: "1500M")
        order.isFirstTry = true
        let steps = ReleaseNotes()
        let result = try await target.release(order, steps)
        #expect(result.notes.isEmpty)
        #expect(steps.journal["image"] == result.remoteID)
        let image = try #require(try await orders.glance.image(result.remoteID))
        #expect(image.name == orders.name)
        #expect(image.isActive && !image.isHidden && !image.isProtected)
        #expect(image.visibility == "shared")
        #expect(image.diskFormat == "qcow2" && image.containerFormat == "bare")
        #expect(image.minDiskGiB == 2 && image.minMemoryMiB == 64)
        #expect(image.sizeBytes == order.image.sizeBytes)
        let expected = [
            "os_type": "linux", "os_distro": "devuan", "os_version": "12",
            "architecture": "x86_64", "builder": "aibuild", "aibuild_imgid": order.build.id,
            "build_number": "7", "get_url": order.image.url, "commit": "0123abcd",
            "updates": "security updates", "hw_disk_bus": "virtio",
            "build_at": "2026-11-18T11:07:40Z", "aibuild_sha256": order.image.sha256,
        ]
        for (key, value) in expected { #expect(image.properties[key] == value, "\(key)") }
    }

    @Test("The previous image is warehoused, and its members are carried over")
    func previousIsWarehoused() async throws {
        let stack = try await OpenStack.shared()
        let orders = try ReleaseOrders(stack)
        let consumer = GlanceClient(
            CloudSession(
                CloudLogin(
                    authURL: stack.keystoneURL, username: "customer", password: "customer-secret",
                    project: "consumer"
                ).in("RegionOne")))
        let project = try await consumer.session.projectID()

        let first = try await orders.order(number: 1)
        let one = try await target.release(first, ReleaseNotes())
        try await orders.glance.addMember(project, to: one.remoteID)
        try await consumer.answer("accepted", as: project, to: one.remoteID)

        let second = try await orders.order(number: 2)
        let two = try await target.release(second, ReleaseNotes())
        let warehoused = "warehoused-\(orders.name) 20261121"
        #expect(try await orders.names() == [orders.name, warehoused].sorted())
        #expect(try await orders.glance.image(one.remoteID)?.name == warehoused)
        #expect(try await orders.glance.image(one.remoteID)?.visibility == "shared")
        // Only the consumer can accept it, so the notes say so.
        #expect(try await orders.glance.members(two.remoteID).map(\.projectID) == [project])
        #expect(two.notes.contains { $0.contains(project) && $0.contains("must accept") })
        #expect(try await consumer.image(two.remoteID)?.name == orders.name)

        // One is kept; a protected image is kept as well, and reported.
        try await orders.glance.change(one.remoteID, [.protected(true)])
        let three = try await target.release(try await orders.order(number: 3), ReleaseNotes())
        #expect(three.notes.contains { $0.contains(one.remoteID) && $0.contains("protected") })
        try await orders.glance.change(one.remoteID, [.protected(false)])
        _ = try await target.release(try await orders.order(number: 4), ReleaseNotes())
        #expect(try await orders.glance.image(one.remoteID) == nil)
        #expect(try await orders.glance.image(two.remoteID) == nil)
        #expect(try await orders.names() == [orders.name, warehoused].sorted())
    }

    @Test("A rollback restores the previous image") func rollback() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        let one = try await target.release(try await orders.order(number: 1), ReleaseNotes())
        let second = try await orders.order(number: 2)
        let steps = ReleaseNotes()
        let two = try await target.release(second, steps)
        let project = try await orders.glance.session.projectID()
        try await orders.glance.addMember(project, to: two.remoteID)

        let back = orders.rollBack(second, journal: steps.journal)
        // Twice: the coordinator may die after the last effect.
        for _ in 0..<2 {
            let result = try await target.rollBack(back, ReleaseNotes(back.journal))
            #expect(result.remoteID == one.remoteID)
        }
        let restored = try #require(try await orders.glance.image(one.remoteID))
        #expect(restored.name == orders.name)
        #expect(restored.visibility == "shared")
        #expect(try await orders.glance.members(one.remoteID).map(\.projectID) == [project])
        let withdrawn = try #require(try await orders.glance.image(two.remoteID))
        #expect(withdrawn.name == "withdrawn-\(orders.name) 20261121")
        #expect(withdrawn.isHidden && withdrawn.visibility == "private")
        // A rollback that is given up leaves images of other releases alone.
        try await target.abandon(back, ReleaseNotes(back.journal))
        #expect(try await orders.images().count == 2)
    }

    @Test("After the rollback of a first release no image has the name")
    func rollbackOfFirstRelease() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        let order = try await orders.order(number: 1)
        let steps = ReleaseNotes()
        _ = try await target.release(order, steps)
        let back = orders.rollBack(order, journal: steps.journal)
        let result = try await target.rollBack(back, ReleaseNotes(back.journal))
        #expect(result.remoteID.isEmpty)
        #expect(try await orders.names() == ["withdrawn-\(orders.name) 20261121"])
    }

    /// The name is queried while a release runs, and always refers to a good image.
    @Test("The name refers to an image at every moment") func nameIsAlwaysPresent() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        _ = try await target.release(try await orders.order(number: 1), ReleaseNotes())
        let order = try await orders.order(number: 2)
        let asker = Task {
            var asked = 0
            while !Task.isCancelled {
                let found = try await orders.glance.images([("name", orders.name)])
                #expect(found.contains { $0.isActive }, "after \(asked) times")
                asked += 1
            }
            return asked
        }
        _ = try await target.release(order, ReleaseNotes())
        asker.cancel()
        _ = await asker.result
    }

    @Test("A qcow2 is converted to raw while it is sent") func qcow2IsConverted() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared()) { $0.format = .raw }
        let order = try await orders.order(number: 1, virtualSize: "17M")
        let result = try await target.release(order, ReleaseNotes())
        let image = try #require(try await orders.glance.image(result.remoteID))
        #expect(image.diskFormat == "raw")
        #expect(image.sizeBytes == 17 << 20)
        #expect(try image.hashValue == sha512(order.imagePath + ".raw"))
    }

    @Test("Reserved properties are refused") func reservedProperties() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        for key in ["aibuild_imgid", "builder", "visibility"] {
            let order = try await orders.order(number: 1, properties: [key: "x"])
            let fault = try #require(
                await #expect(throws: ReleaseFault.self) {
                    try await target.release(order, ReleaseNotes())
                })
            #expect(fault.isPermanent)
            #expect(fault.description.contains("'\(key)'"))
        }
        #expect(try await orders.images().isEmpty)
    }

    @Test("The check finds what would fail a release") func checkFindsProblems() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        func check(
            _ secret: String = "releaser-secret", _ change: (inout OpenStackSettings) -> Void
        ) async throws -> [EnvironmentFinding] {
            var settings = orders.settings
            change(&settings)
            return try await target.check(
                ReleaseEnvironment(
                    id: "e", name: "cloud", settings: .openstack(settings), createdMilliseconds: 0),
                Secret(secret))
        }
        let findings = try await check { $0.format = .raw }
        #expect(findings.contains { $0.level == .ok && $0.text.contains("v2.") })
        #expect(findings.contains { $0.level == .warning && $0.text.contains("unencrypted") })
        #expect(findings.contains { $0.text.contains("qemu-nbd") })
        // Another test may be checking the same cloud.
        try await eventually("the image of the check is gone") {
            try await orders.glance.images([("name", "aibuild-check"), ("os_hidden", "true")])
                .isEmpty
        }
        for (secret, visibility, region, words) in [
            ("guess", OpenStackSettings.Visibility.shared, "RegionOne", "name nor password"),
            ("releaser-secret", .public, "RegionOne", "may not create images"),
            ("releaser-secret", .shared, "Mars", "no region 'Mars'"),
        ] {
            let fault = try #require(
                await #expect(throws: ReleaseFault.self) {
                    try await check(secret) {
                        $0.visibility = visibility
                        $0.region = region
                    }
                })
            #expect(fault.isPermanent)
            #expect(fault.description.contains(words))
        }
    }
}

private func sha512(_ path: String) throws -> String {
    var digest = Digest.sha512()
    try digest.update(file: path)
    return digest.finish()
}

extension CloudLogin {
    func `in`(_ region: String) -> CloudLogin {
        var login = self
        login.region = region
        return login
    }
}
