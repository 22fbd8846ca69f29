import CoordinatorAdapters
import CoordinatorCore
import TestSupport
import Testing

/// Releases over TLS to a cloud whose certificates are signed by a private authority.
struct OpenStackSafetyTests {
    private let target = OpenStackTarget()

    private func orders(
        _ stack: OpenStack, trusting authorities: String?
    ) async throws -> ReleaseOrders {
        let region = "Safe\(UInt32.random(in: .min ... .max))"
        try await stack.addRegion(region, imageURL: stack.safeGlanceURL)
        return try ReleaseOrders(stack, region: region) {
            $0.authURL = stack.safeKeystoneURL
            $0.caFile = authorities
        }
    }

    @Test("A certificate is trusted through the file of its authority") func customAuthority()
        async throws
    {
        let stack = try await OpenStack.shared()
        let orders = try await orders(stack, trusting: stack.certificates.folder + "/ca.pem")
        let order = try await orders.order(number: 1)
        let findings = try await target.check(order.environment, order.secret)
        #expect(findings.contains { $0.text == "TLS: certificates are checked" })
        let result = try await target.release(order, ReleaseNotes())
        let image = try await stack.asReleaser("/v2/images/\(result.remoteID)")
        #expect(String(decoding: image, as: UTF8.self).contains("\"active\""))
    }

    @Test("A certificate of an unknown authority is refused") func unknownAuthority() async throws {
        let stack = try await OpenStack.shared()
        for file in [nil, stack.certificates.folder + "/otherca.pem", "/nowhere/ca.pem"] {
            let orders = try await orders(stack, trusting: file)
            let order = try await orders.order(number: 1)
            let fault = try await fault { _ = try await target.release(order, ReleaseNotes()) }
            #expect(fault.isPermanent)
            #expect(fault.description.contains(stack.safeKeystoneURL), "\(fault)")
            #expect(fault.description.contains("give the PEM file (ca-file)"), "\(fault)")
        }
    }
}
