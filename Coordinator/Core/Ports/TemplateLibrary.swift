public import BuildProtocol

/// Turns a guest OS's template into an archive named by its content, and reads its `aibuild.yml`.
public protocol TemplateLibrary: Sendable {
    /// - Throws: `TemplateFault` that names file, line and key where there is one.
    func plan(for guestOS: GuestOS) async throws -> BuildPlan
    /// Where the archive is, for delivery to a host. - Throws: `TemplateFault` when it is gone.
    func path(of archive: TemplateArchive) throws -> String
}

public struct TemplateFault: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}
