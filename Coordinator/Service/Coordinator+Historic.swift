public import CoordinatorCore

extension Coordinator {
    /// As the original AIBuild registered a guest OS: without saying where its template is, which
    /// is added later.
    /// - Throws: `Refusal`, `StoreError`
    public func registerHistoric(
        name: String, type: String, distro: String, version: String, baseISO: String,
        by actor: String
    ) async throws -> GuestOS {
        guard let type = OSType(rawValue: type.lowercased()) else {
            throw Refusal("type is '\(type.prefix(40))': use linux or windows")
        }
        let guestOS = GuestOS(
            id: ports.environment.randomID(), name: name, type: type, distro: distro,
            version: version, baseISO: baseISO,
            template: ports.templateServer?.template(ofGuestOS: name) ?? .missing, owner: "default",
            createdMilliseconds: ports.environment.unixMilliseconds())
        try checkWords(of: guestOS)
        try await ports.webRoot.makeFolder(ofGuestOS: guestOS.name)
        try await ports.store.add(guestOS, epoch: epoch ?? 0)
        try await ports.audit(actor, "guestos.add", guestOS.name)
        _ = await prepare(guestOS)
        return guestOS
    }
}
