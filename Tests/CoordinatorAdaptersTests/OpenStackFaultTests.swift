import CoordinatorAdapters
import CoordinatorCore
import OpenStackKit
import Support
import TestSupport
import Testing

/// Interrupted and failed releases, and what they leave.
struct OpenStackFaultTests {
    private let target = OpenStackTarget()

    /// The coordinator dies while it records its journal, before or after it is durable; the next
    /// one continues.
    @Test(
        "An interrupted release resumes", arguments: [1, 2, 3], [false, true])
    func interruptedReleaseResumes(at note: Int, isNoted: Bool) async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        let before = try await target.release(try await orders.order(number: 1), ReleaseNotes())
        var order = try await orders.order(number: 2)
        let dying = ReleaseNotes()
        dying.crash(afterRecords: note, keepsLast: isNoted)
        await #expect(throws: ReleaseNotes.Crash.self) {
            try await target.release(order, dying)
        }
        order.journal = dying.journal
        let result = try await target.release(order, ReleaseNotes(order.journal))
        #expect(try await orders.names() == [orders.name, "warehoused-\(orders.name) 20261121"])
        #expect(try await orders.glance.image(result.remoteID)?.name == orders.name)
        // Once more after everything is done, as if the coordinator died before it could record
        // that.
        order.journal["image"] = result.remoteID
        let again = try await target.release(order, ReleaseNotes(order.journal))
        #expect(again.remoteID == result.remoteID)
        #expect(try await orders.images().count == 2)
        #expect(try await orders.glance.image(before.remoteID)?.isActive == true)
    }

    @Test(
        "A release that is given up leaves nothing", arguments: [1, 2, 3], [false, true])
    func abandonedReleaseLeavesNothing(at note: Int, isNoted: Bool) async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        let before = try await target.release(try await orders.order(number: 1), ReleaseNotes())
        var order = try await orders.order(number: 2)
        let dying = ReleaseNotes()
        dying.crash(afterRecords: note, keepsLast: isNoted)
        _ = try? await target.release(order, dying)
        order.journal = dying.journal
        for _ in 0..<2 { try await target.abandon(order, ReleaseNotes(order.journal)) }
        #expect(try await orders.images().map(\.id) == [before.remoteID])
        #expect(try await orders.names() == [orders.name])
    }

    @Test("A release that is given up after it took the name returns it")
    func abandonedReleaseReturnsName() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        let before = try await target.release(try await orders.order(number: 1), ReleaseNotes())
        var order = try await orders.order(number: 2)
        let steps = ReleaseNotes()
        _ = try await target.release(order, steps)
        order.journal = steps.journal
        try await target.abandon(order, ReleaseNotes(order.journal))
        #expect(try await orders.images().map(\.id) == [before.remoteID])
        #expect(try await orders.names() == [orders.name])
    }

    @Test("An upload that is damaged in transit is never released") func damagedUploadIsRefused()
        async throws
    {
        let stack = try await OpenStack.shared()
        let proxy = try TCPProxy(to: stack.port(.glance1))
        let region = "Flip\(proxy.port)"
        try await stack.addRegion(region, imageURL: "http://127.0.0.1:\(proxy.port)")
        let orders = try ReleaseOrders(stack, region: region)
        let order = try await orders.order(number: 1)
        proxy.flipBit(ofByte: 1 << 20)
        let steps = ReleaseNotes()
        let fault = try #require(
            await #expect(throws: ReleaseFault.self) { try await target.release(order, steps) })
        #expect(!fault.isPermanent)
        #expect(fault.description.contains("changes bytes on the way"))
        #expect(try await orders.images().isEmpty)
        proxy.flipBit(ofByte: nil)
        var again = order
        again.journal = steps.journal
        let result = try await target.release(again, ReleaseNotes(steps.journal))
        #expect(try await orders.images().map(\.id) == [result.remoteID])
    }

    /// Its Glance died during the upload: the image stays `saving` for ever.
    @Test("An image that can never become active is replaced") func brokenImageIsReplaced()
        async throws
    {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        var order = try await orders.order(number: 1)
        var lost = NewGlanceImage(name: "incoming", diskFormat: "qcow2")
        lost.isHidden = true
        lost.properties = [
            "aibuild_release": order.release, "aibuild_name": orders.name, "builder": "aibuild",
        ]
        // Two images of one release: the coordinator died before it could record the first.
        let first = try await orders.glance.create(lost)
        let second = try await orders.glance.create(lost)
        order.journal = ["image": first.id]
        let result = try await target.release(order, ReleaseNotes(order.journal))
        #expect([first.id, second.id].contains(result.remoteID))
        #expect(try await orders.images().map(\.id) == [result.remoteID])
    }

    @Test("An image that changed in the web root is not sent") func changedFileIsRefused()
        async throws
    {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        var order = try await orders.order(number: 1)
        order.image.sha256 = String(repeating: "0", count: 64)
        let fault = try #require(
            await #expect(throws: ReleaseFault.self) {
                try await target.release(order, ReleaseNotes())
            })
        #expect(fault.isPermanent)
        #expect(fault.description.contains("another SHA-256"))
        try await target.abandon(order, ReleaseNotes())
        #expect(try await orders.images().isEmpty)
    }

    @Test("An unreachable cloud is a temporary fault") func unreachableCloudIsTemporary()
        async throws
    {
        let orders = try ReleaseOrders(try await OpenStack.shared()) {
            $0.authURL = "http://127.0.0.1:9/v3"
        }
        let order = try await orders.order(number: 1)
        let fault = try #require(
            await #expect(throws: ReleaseFault.self) {
                try await target.release(order, ReleaseNotes())
            })
        #expect(!fault.isPermanent)
        #expect(fault.description.contains("127.0.0.1:9"))
    }
}
