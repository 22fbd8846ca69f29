//! CoordinatorCore: the model, the ports, the scheduler, the build machine and the policies of the
//! coordinator. Pure: no clock, randomness, task, file or socket; time and randomness come in as
//! values.

public import BuildProtocol
@_exported public import ErrorKit

/// What is to be built. A row of the historic table `guestos` plus what aibuild adds beside it.
public struct GuestOS: Sendable, Hashable, Codable {
    public var id: String
    public var name: String
    public var type: OSType
    public var distro: String
    public var version: String
    /// The historic column: the ISO that the template starts from, as information.
    public var baseISO: String
    public var template: TemplateSource
    /// The folder of the Git repository that holds the template; `nil`: its root.
    public var templatePath: String?
    /// Variables that override those of `aibuild.yml`.
    public var variables: [String: String]
    /// The owner to whom fair sharing charges its builds.
    public var owner: String
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64
    /// Takes no new builds. Its builds, images and releases stay as they are, and need its row.
    public var isRetired = false
    /// What others than its owner may do with it.
    public var grants: [GuestOSGrant] = []

    public init(
        id: String, name: String, type: OSType, distro: String, version: String, baseISO: String,
        template: TemplateSource, templatePath: String? = nil, variables: [String: String] = [:],
        owner: String, createdMilliseconds: Int64
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.distro = distro
        self.version = version
        self.baseISO = baseISO
        self.template = template
        self.templatePath = templatePath
        self.variables = variables
        self.owner = owner
        self.createdMilliseconds = createdMilliseconds
    }
}

public enum OSType: String, Sendable, Codable, CaseIterable {
    case linux, windows
}

/// Where the template of a guest OS is.
public enum TemplateSource: Sendable, Hashable {
    /// A folder on the coordinator's machine.
    case folder(path: String)
    /// A Git repository; `ref` is a branch, tag or commit, resolved when a build is submitted, or
    /// `defaultRef`.
    case git(url: String, ref: String)
    /// Not known yet: registered from a spreadsheet or by the original AIBuild, which did not
    /// record it.
    case missing
}

extension TemplateSource {
    /// The branch that the repository itself names as its default.
    public static let defaultRef = "HEAD"

    /// The folder or the repository, without the branch; `""` if it is missing.
    public var address: String {
        switch self {
        case .folder(let path): path
        case .git(let url, _): url
        case .missing: ""
        }
    }
}

extension GuestOS {
    /// Why it cannot have these variables; `nil` if it can.
    public static func problem(ofVariables variables: [String: String]) -> String? {
        guard variables.count <= ProtocolLimits.variables else {
            return "at most \(ProtocolLimits.variables) variables are allowed"
        }
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            if let problem = Names.problem(name, what: "name of the variable") { return problem }
            guard value.utf8.count <= ProtocolLimits.variableValueBytes else {
                return "the variable \(Names.quoted(name)) is longer than "
                    + "\(ProtocolLimits.variableValueBytes) bytes"
            }
        }
        return nil
    }
}

extension Host {
    /// Why it cannot have these variables; `nil` if it can.
    public static func problem(ofVariables variables: [String: String]) -> String? {
        if let problem = GuestOS.problem(ofVariables: variables) { return problem }
        let bytes = variables.values.map(\.utf8.count).clampedSum()
        guard bytes > ProtocolLimits.variablesBytes else { return nil }
        return "the values of the variables have \(bytes) bytes together; at most "
            + "\(ProtocolLimits.variablesBytes) are allowed"
    }
}

extension TemplateSource {
    /// The address of the Git repository, without the branch.
    var repository: String? {
        if case .git(let url, _) = self { url } else { nil }
    }

    /// Why the template cannot be in this folder of it; `nil` if it can.
    public func problem(ofPath path: String) -> String? {
        guard case .git = self else {
            return "a path within the repository needs a Git repository; for a folder on the "
                + "coordinator, name the inner folder itself"
        }
        return Names.isInnerPath(path)
            ? nil
            : "the path \(Names.quoted(path)) is not a folder of the repository: give it from the "
                + "repository's root, such as images/debian12"
    }
}

extension TemplateSource: Codable {
    private enum Key: String, CodingKey { case kind, path, url, ref }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        switch try container.decode(String.self, forKey: .kind) {
        case "folder": self = .folder(path: try container.decode(String.self, forKey: .path))
        case "git":
            self = .git(
                url: try container.decode(String.self, forKey: .url),
                ref: try container.decodeIfPresent(String.self, forKey: .ref) ?? Self.defaultRef)
        case "missing": self = .missing
        case let kind:
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container,
                debugDescription: "unknown kind of template '\(kind)': use folder or git")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .folder(let path):
            try container.encode("folder", forKey: .kind)
            try container.encode(path, forKey: .path)
        case .git(let url, let ref):
            try container.encode("git", forKey: .kind)
            try container.encode(url, forKey: .url)
            try container.encode(ref, forKey: .ref)
        case .missing: try container.encode("missing", forKey: .kind)
        }
    }
}
