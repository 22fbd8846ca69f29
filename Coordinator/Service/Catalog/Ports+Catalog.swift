import CoordinatorCore
import Support

extension Ports {
    /// - Throws: `StoreError.notFound`
    func guestOS(named name: String) async throws -> GuestOS {
        guard let guestOS = try await store.guestOS(named: name) else {
            throw StoreError.notFound(what: "guest OS", name: name)
        }
        return guestOS
    }

    /// Whether the template is where the Git server of templates keeps it.
    func isAtTemplateServer(_ guestOS: GuestOS) -> Bool {
        templateServer?.template(ofGuestOS: guestOS.name).address == guestOS.template.address
    }

    /// Makes what is missing at the Git server. The registration stands whatever comes of this.
    /// - Returns: `nil` if the Git server has no part in it.
    func prepareTemplate(of guestOS: GuestOS) async -> TemplateServerReport? {
        guard let templateServer, isAtTemplateServer(guestOS) else { return nil }
        let report = await templateServer.prepare(guestOS: guestOS.name)
        if let problem = report.problem {
            Logger("gitlab").warning("guest OS \(guestOS.name): \(problem)")
        }
        return report
    }
}
