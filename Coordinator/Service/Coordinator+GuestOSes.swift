import BuildProtocol
public import CoordinatorCore
import Support

/// What is to be built: registered one by one, checked at the door.
extension Coordinator {
    /// A guest OS, and what was done for it at the Git server of the templates, if there is one.
    public struct Registration: Sendable {
        public var guestOS: GuestOS
        public var server: TemplateServerReport?
    }

    /// - Throws: `Refusal`, `TemplateFault`, `WebRootFault`, `StoreError`
    public func register(_ form: GuestOSForm, by actor: String) async throws -> Registration {
        let guestOS = try await checked(form, id: ports.environment.randomID())
        try await ports.webRoot.makeFolder(ofGuestOS: guestOS.name)
        try await ports.store.add(guestOS, epoch: epoch ?? 0)
        try await ports.audit(actor, "guestos.add", guestOS.name)
        return Registration(guestOS: guestOS, server: await prepare(guestOS))
    }

    /// Changes all but the name.
    public func change(_ form: GuestOSForm, by actor: String) async throws -> Registration {
        let known = try await guestOS(named: form.name)
        var guestOS = try await checked(form, id: known.id)
        guestOS.createdMilliseconds = known.createdMilliseconds
        try await ports.store.update(guestOS, epoch: epoch ?? 0)
        try await ports.audit(actor, "guestos.change", guestOS.name)
        return Registration(guestOS: guestOS, server: await prepare(guestOS))
    }

    /// Makes what is missing at the Git server, again or for the first time. A guest OS that has no
    /// template yet gets its place there.
    /// - Throws: `Refusal`, `StoreError`
    public func prepareTemplate(
        ofGuestOS name: String, by actor: String
    ) async throws -> Registration {
        var guestOS = try await guestOS(named: name)
        guard let server = ports.templateServer else {
            throw Refusal(
                "no GitLab server is configured: set gitlab.url and gitlab.token_file in the "
                    + "coordinator's configuration", conflict: true)
        }
        if guestOS.template == .missing {
            guestOS.template = server.template(ofGuestOS: name)
            try await ports.store.update(guestOS, epoch: epoch ?? 0)
            try await ports.audit(actor, "guestos.change", name, "template at the GitLab server")
        }
        guard let report = await prepare(guestOS) else {
            throw Refusal(
                "the template of \(name) is kept elsewhere; its project would be "
                    + "\(server.template(ofGuestOS: name).address)", conflict: true)
        }
        try await ports.audit(actor, "guestos.gitlab", name, report.problem ?? "done")
        return Registration(guestOS: guestOS, server: report)
    }

    /// The registration stands whatever comes of this. - Returns: `nil` where the Git server has no
    /// part in it.
    func prepare(_ guestOS: GuestOS) async -> TemplateServerReport? {
        guard let server = ports.templateServer, isAtServer(guestOS) else { return nil }
        let report = await server.prepare(guestOS: guestOS.name)
        if let problem = report.problem {
            Logger("gitlab").warning("guest OS \(guestOS.name): \(problem)")
        }
        return report
    }

    func isAtServer(_ guestOS: GuestOS) -> Bool {
        ports.templateServer?.template(ofGuestOS: guestOS.name).address
            == guestOS.template.address
    }

    func guestOS(named name: String) async throws -> GuestOS {
        guard let guestOS = try await ports.store.guestOS(named: name) else {
            throw StoreError.notFound(what: "guest OS", name: name)
        }
        return guestOS
    }

    private func checked(_ form: GuestOSForm, id: String) async throws -> GuestOS {
        let home = ports.templateServer?.template(ofGuestOS: form.name)
        guard let template = form.template ?? home, template != .missing else {
            throw Refusal(
                "say where the template of \(Names.quoted(form.name)) is: a Git repository or a "
                    + "folder on the coordinator")
        }
        let guestOS = GuestOS(
            id: id, name: form.name, type: form.type, distro: form.distro ?? "",
            version: form.version ?? "", baseISO: form.baseISO ?? "", template: template,
            owner: form.owner ?? "default",
            createdMilliseconds: ports.environment.unixMilliseconds())
        try checkWords(of: guestOS)
        // A template that cannot be read is refused now, not at the first build. The project at the
        // Git server is made later and is empty at first.
        if template.address != home?.address {
            _ = try await ports.templates.plan(for: guestOS)
        }
        return guestOS
    }

    func checkWords(of guestOS: GuestOS) throws {
        try check(guestOS.name, "name of the guest OS")
        try check(guestOS.owner, "owner")
        for (field, value, limit) in [
            ("distro", guestOS.distro, 36), ("version", guestOS.version, 36),
            ("baseISO", guestOS.baseISO, 255),
        ] {
            // The widths of the historic columns.
            guard value.utf8.count <= limit, !value.unicodeScalars.contains(where: isControl) else {
                throw Refusal("\(field) has more than \(limit) bytes, or control characters")
            }
        }
    }
}

/// What a person fills in to register a guest OS.
public struct GuestOSForm: Sendable, Decodable {
    public var name: String
    public var type: OSType
    public var distro, version, baseISO, owner: String?
    /// Without one it is the project at the Git server.
    public var template: TemplateSource?

    public init(name: String, type: OSType, template: TemplateSource? = nil) {
        self.name = name
        self.type = type
        self.template = template
    }
}
