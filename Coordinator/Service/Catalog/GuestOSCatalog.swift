import BuildProtocol
public import CoordinatorCore

/// Registers and changes single guest OSes.
public struct GuestOSCatalog: Sendable {
    let ports: Ports
    let store: any CatalogWriter
    let schedules: Schedules

    /// A guest OS, and what was done for it on the Git server of the templates, if there is one.
    public struct Registration: Sendable {
        public var guestOS: GuestOS
        public var server: TemplateServerReport?
    }

    /// - Throws: `Refusal`, `TemplateFault`, `WebRootFault`, `StoreError`
    public func register(_ form: GuestOSForm, by actor: String) async throws -> Registration {
        let guestOS = try await checked(form, id: ports.ids.randomID())
        return try await add(guestOS, by: actor)
    }

    /// Changes everything but the name.
    public func change(_ form: GuestOSForm, by actor: String) async throws -> Registration {
        let known = try await ports.guestOS(named: form.name)
        var guestOS = try await checked(form, id: known.id, known: known)
        guestOS.createdMilliseconds = known.createdMilliseconds
        guestOS.isRetired = form.retired ?? known.isRetired
        guestOS.grants = known.grants
        try await update(guestOS, since: known, by: actor)
        return Registration(guestOS: guestOS, server: await ports.prepareTemplate(of: guestOS))
    }

    /// Removes a guest OS without builds. One that has builds is retired, so that these keep their
    /// images and releases.
    /// - Returns: whether it was retired.
    /// - Throws: `StoreError`
    public func remove(_ name: String, by actor: String) async throws -> Bool {
        let known = try await ports.formerly { try await ports.store.guestOS(named: name) }
        do {
            try await store.recording(
                ports.auditEntry(
                    actor, "guestos.remove", name, known?.auditFields.words ?? "")
            ).removeGuestOS(named: name)
            await schedules.catalogChanged()
            return false
        } catch let error as StoreError where error.code == .inUse {
            let known = try await ports.guestOS(named: name)
            var guestOS = known
            guestOS.isRetired = true
            try await update(
                guestOS, since: known, as: "guestos.retire", name, by: actor)
            return true
        }
    }

    func update(
        _ guestOS: GuestOS, since known: GuestOS, as action: String = "guestos.change",
        _ subject: String? = nil, by actor: String
    ) async throws {
        guard guestOS != known else { return }
        try await store.recording(
            ports.auditEntry(
                actor, action, subject ?? guestOS.name,
                guestOS.auditFields.words(since: known.auditFields))
        ).update(guestOS)
        await schedules.catalogChanged()
    }

    /// Renames a guest OS or an environment that nothing has been built or released of, such as one
    /// with a name that only the original AIBuild accepted.
    /// - Throws: `Refusal`, `StoreError`
    public func rename(
        _ kind: RegisteredKind, _ name: String, to new: String, by actor: String
    ) async throws {
        let what = "name of the \(kind.title)"
        if let problem = Names.registeredProblem(new, what: what) { throw Refusal(problem) }
        if kind == .environment, new.utf8.count > ReleaseEnvironment.Bounds.nameBytes {
            throw Refusal("the \(what) has more than \(ReleaseEnvironment.Bounds.nameBytes) bytes")
        }
        if kind == .guestOS { try await ports.webRoot.makeFolder(ofGuestOS: new) }
        try await store.recording(
            ports.auditEntry(actor, "\(kind.rawValue).rename", name, "to \(new)")
        ).rename(kind, name, to: new)
        await schedules.catalogChanged()
    }

    /// Creates what is missing on the Git server. May be repeated. The template of a guest OS that
    /// has none yet is set to its project there.
    /// - Throws: `Refusal`, `StoreError`
    public func prepareTemplate(
        ofGuestOS name: String, by actor: String
    ) async throws -> Registration {
        var guestOS = try await ports.guestOS(named: name)
        guard let server = ports.templateServer else {
            throw Refusal(
                .conflict,
                "no GitLab server is configured: set gitlab.url and gitlab.token_file in the "
                    + "coordinator's configuration")
        }
        let home = server.template(ofGuestOS: name)
        // The row is there before anything is done on the server, which no transaction includes.
        if guestOS.template == .missing {
            let known = guestOS
            guestOS.template = home
            try await update(guestOS, since: known, as: "guestos.gitlab", by: actor)
        } else if ports.isAtTemplateServer(guestOS) {
            try await ports.audit(actor, "guestos.gitlab", name, home.address)
        }
        guard let report = await ports.prepareTemplate(of: guestOS) else {
            throw Refusal(
                .conflict,
                "the template of \(name) is kept elsewhere; its project would be "
                    + "\(home.address)")
        }
        return Registration(guestOS: guestOS, server: report)
    }

    /// Registers a guest OS as the original AIBuild did: without a template, which is added later.
    /// - Throws: `Refusal`, `StoreError`
    public func registerHistoric(
        name: String, type: String, distro: String, version: String, baseISO: String,
        owner: String? = nil, by actor: String
    ) async throws -> GuestOS {
        guard let type = OSType(rawValue: type.lowercased()) else {
            throw Refusal("type is '\(type.prefix(40))': use linux or windows")
        }
        let guestOS = GuestOS(
            id: ports.ids.randomID(), name: name, type: type, distro: distro,
            version: version, baseISO: baseISO,
            template: ports.templateServer?.template(ofGuestOS: name) ?? .missing,
            owner: owner ?? Principal.everybody,
            createdMilliseconds: ports.clock.unixMilliseconds())
        try checkTexts(of: guestOS)
        return try await add(guestOS, by: actor).guestOS
    }

    private func add(_ guestOS: GuestOS, by actor: String) async throws -> Registration {
        try await ports.webRoot.makeFolder(ofGuestOS: guestOS.name)
        try await store.recording(
            ports.auditEntry(actor, "guestos.add", guestOS.name, guestOS.auditFields.words)
        ).add(guestOS)
        await schedules.catalogChanged()
        return Registration(
            guestOS: guestOS, server: await ports.prepareTemplate(of: guestOS))
    }

    private func checked(
        _ form: GuestOSForm, id: String, known: GuestOS? = nil
    ) async throws -> GuestOS {
        if let problem = form.template?.problem { throw Refusal("the template's URL \(problem)") }
        let home = ports.templateServer?.template(ofGuestOS: form.name)
        let given = form.template?.keepingCredential(of: known?.template)
        guard let template = given ?? home, template != .missing else {
            throw Refusal(
                "the template of \(Names.quoted(form.name)) is not set: give a Git repository "
                    + "(--git URL) or a folder on the coordinator (--template FOLDER)")
        }
        let guestOS = GuestOS(
            id: id, name: form.name, type: form.type, distro: form.distro ?? "",
            version: form.version ?? "", baseISO: form.baseISO ?? "", template: template,
            templatePath: try path(form, template, known),
            variables: form.variables ?? known?.variables ?? [:],
            owner: form.owner ?? known?.owner ?? Principal.everybody,
            createdMilliseconds: ports.clock.unixMilliseconds())
        try checkTexts(of: guestOS)
        if let problem = GuestOS.problem(ofVariables: guestOS.variables) { throw Refusal(problem) }
        // A template that cannot be read is refused now, not at the first build. The project on the
        // Git server is created later and is empty at first.
        if template.address != home?.address {
            let plan = try await ports.templates.plan(for: guestOS)
            if let why = try await ports.refusal(of: plan.release, guestOS: guestOS.name) {
                throw Refusal(.conflict, why)
            }
        }
        return guestOS
    }

    /// Clients that do not know of it do not lose it.
    private func path(
        _ form: GuestOSForm, _ template: TemplateSource, _ known: GuestOS?
    ) throws -> String? {
        guard let path = form.templatePath else {
            return template == known?.template ? known?.templatePath : nil
        }
        if path.isEmpty { return nil }
        if let problem = template.problem(ofPath: path) { throw Refusal(problem) }
        return path
    }

    private func checkTexts(of guestOS: GuestOS) throws {
        if let problem = Names.registeredProblem(guestOS.name, what: "name of the guest OS") {
            throw Refusal(problem)
        }
        try Refusal.check(guestOS.owner, "owner")
        // The widths of the historic columns.
        try Refusal.check(text: guestOS.distro, "distro", limitBytes: 36)
        try Refusal.check(text: guestOS.version, "version", limitBytes: 36)
        try Refusal.check(text: guestOS.baseISO, "baseISO", limitBytes: 255)
    }
}

/// The fields of a request to register a guest OS.
public struct GuestOSForm: Sendable, Decodable {
    public var name: String
    public var type: OSType
    public var distro, version, baseISO, owner: String?
    /// If it is missing, the template is the project on the Git server.
    public var template: TemplateSource?
    /// The folder of the Git repository that holds the template; empty: its root. If it is missing,
    /// a change keeps it.
    public var templatePath: String?
    /// Override those of `aibuild.yml`. If they are missing, a change keeps them.
    public var variables: [String: String]?
    /// Whether it takes no new builds. If it is missing, a change keeps that.
    public var retired: Bool?

    public init(name: String, type: OSType, template: TemplateSource? = nil) {
        self.name = name
        self.type = type
        self.template = template
    }
}
