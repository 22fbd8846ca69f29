public import CoordinatorCore

/// The names by which people call a release: its id, the beginning of it, or
/// `<guest OS>:<number>@<environment>`.
struct ReleaseReference {
    let ports: Ports

    /// Shorter beginnings are more often a mistake than a name.
    private static let shortestPrefix = 4
    private static let shown = 5

    /// - Throws: `StoreError`; `Refusal` if several begin so
    func find(_ name: String) async throws -> Release? {
        if name.utf8.contains(UInt8(ascii: "@")) { return try await find(place: name) }
        if let release = try await ports.store.release(id: name) { return release }
        guard name.utf8.count >= Self.shortestPrefix, name.utf8.count < 36,
            name.utf8.allSatisfy({ Self.isOfID($0) })
        else { return nil }
        let found = try await ports.store.releases(
            ReleaseFilter(idPrefix: name), limit: Self.shown + 1)
        guard found.count > 1 else { return found.first }
        let list = found.prefix(Self.shown).map { "\($0.id) (\($0.reference))" }
        throw Refusal(
            .conflict,
            "several releases begin with \(name): " + list.joined(separator: ", ")
                + (found.count > Self.shown ? " …" : ""))
    }

    /// The newest one of the build there.
    /// - Throws: `StoreError.notFound` for an unknown guest OS or environment
    private func find(place name: String) async throws -> Release? {
        let parts = Array(name.utf8).split(
            separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let build = parts[0].split(
            maxSplits: 1, omittingEmptySubsequences: false,
            whereSeparator: { [UInt8(ascii: ":"), UInt8(ascii: "/")].contains($0) })
        guard build.count == 2 else { return nil }
        let number = String(decoding: build[1], as: UTF8.self)
        let guestOS = String(decoding: build[0], as: UTF8.self)
        let environment = String(decoding: parts[1], as: UTF8.self)
        if let release = try await newest(guestOS, number, environment) { return release }
        // The part that is unknown is named, with what may have been meant.
        _ = try await ports.guestOS(named: guestOS)
        _ = try await ports.environment(named: environment)
        return nil
    }

    private func newest(
        _ guestOS: String, _ number: String, _ environment: String
    ) async throws -> Release? {
        var filter = ReleaseFilter(guestOS: guestOS, environment: environment)
        if number != "latest" {
            guard let number = Int(number),
                let build = try await ports.store.build(guestOS: guestOS, number: number)
            else { return nil }
            filter.build = build.id
        }
        return try await ports.store.releases(filter, limit: 1).first
    }

    private static func isOfID(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension Ports {
    /// - Parameter name: its id, the beginning of it, or `debian12:7@lab`.
    /// - Throws: `StoreError.notFound`; `Refusal` if it is ambiguous
    public func release(_ name: String) async throws -> Release {
        guard let release = try await ReleaseReference(ports: self).find(name) else {
            throw StoreError.notFound(what: .release, name: name)
        }
        return release
    }
}
