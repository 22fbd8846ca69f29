public import BuildProtocol
public import ErrorKit

/// Packs a guest OS's template into an archive named by its content, and reads its `aibuild.yml`.
public protocol TemplateLibrary: Sendable {
    /// - Throws: `TemplateFault` that names file, line and key if known.
    func plan(for guestOS: GuestOS) async throws -> BuildPlan
    /// The path of the archive, for delivery to a host.
    /// - Throws: `TemplateFault` if it is gone.
    func path(of archive: TemplateArchive) throws -> String
    /// The templates under `output/`, by the names of the rendered files.
    /// - Throws: `TemplateFault` with file, line and column.
    func outputs(
        of archive: TemplateArchive
    ) async throws -> [(name: String, template: OutputTemplate)]
}

/// Why a template cannot be built.
public typealias TemplateFault = CodedError<TemplateFaultCode>

public enum TemplateFaultCode: UsualFailureCode {
    /// The template, or what the guest OS says of it, has to be changed.
    case usual
    /// The repository cannot be fetched now, or an archive is gone.
    case unavailable

    public var isPermanent: Bool { self == .usual }
}
