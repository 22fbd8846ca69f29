public import BuildProtocol

/// Turns a guest OS's template into an archive named by its content, and reads its `aibuild.yml`.
public protocol TemplateLibrary: Sendable {
    /// - Throws: `TemplateFault` that names file, line and key where there is one.
    func plan(for guestOS: GuestOS) async throws -> BuildPlan
    /// Where the archive is, for delivery to a host. - Throws: `TemplateFault` when it is gone.
    func path(of archive: TemplateArchive) throws -> String
    /// The templates under `output/`, by the names of the files that they become.
    /// - Throws: `TemplateFault` with file, line and column.
    func outputs(
        of archive: TemplateArchive
    ) async throws -> [(name: String, template: OutputTemplate)]
}

public struct TemplateFault: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}
