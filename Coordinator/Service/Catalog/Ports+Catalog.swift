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

    /// Whether the template is the project on the Git server.
    func isAtTemplateServer(_ guestOS: GuestOS) -> Bool {
        templateServer?.template(ofGuestOS: guestOS.name).address == guestOS.template.address
    }

    /// Creates what is missing on the Git server. The registration stands whether or not this
    /// succeeds.
    /// - Returns: `nil` if the template is not on the Git server.
    func prepareTemplate(of guestOS: GuestOS) async -> TemplateServerReport? {
        guard let templateServer, isAtTemplateServer(guestOS) else { return nil }
        let report = await templateServer.prepare(guestOS: guestOS.name)
        if let problem = report.problem {
            Logger("gitlab").warning("guest OS \(guestOS.name): \(problem)")
        }
        return report
    }
}
