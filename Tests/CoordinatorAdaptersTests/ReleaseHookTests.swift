@testable import CoordinatorAdapters
import CoordinatorCore
import OpenStackKit
import Support
import TestSupport
import Testing

/// The operator's hook, before an image takes its name in a real Glance.
struct ReleaseHookTests {
    private func hook(_ script: String) throws -> (TemporaryFolder, OpenStackTarget) {
        let folder = try TemporaryFolder()
        try Files.replace(
            folder.path + "/boot", with: Array("#!/bin/bash\n\(script)\n".utf8), mode: 0o755)
        return (folder, OpenStackTarget(hooksFolder: folder.path))
    }

    private func order(_ orders: ReleaseOrders, _ number: Int) async throws -> ReleaseOrder {
        var order = try await orders.order(number: number)
        guard case .openstack(var settings) = order.environment.settings else {
            throw Failure("not openstack")
        }
        settings.hook = "boot"
        order.environment.settings = .openstack(settings)
        return order
    }

    @Test("A hook sees the image while it is hidden") func hookSeesHiddenImage() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        let (folder, target) = try hook(
            "env > $(dirname $0)/seen; echo $0 $* >> $(dirname $0)/seen")
        let order = try await order(orders, 1)
        let result = try await target.release(order, ReleaseNotes())
        let seen = String(
            decoding: try Files.read(folder.path + "/seen", limitBytes: 1 << 20), as: UTF8.self)
        for line in [
            "AIBUILD_IMAGE_ID=\(result.remoteID)", "AIBUILD_BUILD_NUMBER=1",
            "OS_PASSWORD=\(order.secret?.reveal ?? "?")",
        ] { #expect(seen.contains(line + "\n"), "\(line)") }
        #expect(seen.hasSuffix("/boot\n"), "nothing in its arguments")
    }

    @Test("A refusal leaves the name with the previous image") func refusalKeepsName() async throws
    {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        let (goodFolder, good) = try hook("exit 0")
        let one = try await good.release(try await order(orders, 1), ReleaseNotes())
        let (badFolder, bad) = try hook("echo the guest does not boot; exit 3")
        let second = try await order(orders, 2)
        let steps = ReleaseNotes()
        let fault = await #expect(throws: ReleaseFault.self) {
            _ = try await bad.release(second, steps)
        }
        #expect(fault?.isPermanent == true)
        #expect(fault?.description.contains("the guest does not boot") == true)
        try await bad.abandon(second, steps)
        withExtendedLifetime((goodFolder, badFolder)) {}
        #expect(try await orders.images().map(\.id) == [one.remoteID])
    }

    @Test("The check reports a missing hook") func missingHook() async throws {
        let orders = try ReleaseOrders(try await OpenStack.shared())
        let order = try await order(orders, 1)
        for target in [OpenStackTarget(), OpenStackTarget(hooksFolder: "/nowhere")] {
            let fault = await #expect(throws: ReleaseFault.self) {
                _ = try await target.check(order.environment, order.secret)
            }
            #expect(fault?.description.contains("'boot'") == true)
        }
    }
}
