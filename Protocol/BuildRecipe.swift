public import TextKit

/// What an attempt does, as the coordinator read it from the template's `aibuild.yml`. The agent
/// never parses that file, so that errors in it are found before a host is involved.
public struct BuildRecipe: Sendable, Hashable, Codable {
    public var builder: Builder
    /// Passed to the build program by var-file (Packer) or environment (`AIBUILD_VAR_<name>`).
    public var variables: [String: String]
    /// Variables that are lists or objects. Passed as such to HCL2 templates, as JSON to programs,
    /// and to JSON templates, which know only text, as a list with commas.
    public var values: [String: JSON]?
    public var baseImage: BaseImage?
    /// `nil`: one `packer build` of everything in the template.
    public var packer: PackerOptions?
    /// Added to the environment of the build program.
    public var environment: [String: EnvironmentValue]?
    /// What the build leaves besides what its builder announces; `nil` from older coordinators and
    /// for templates that declare nothing.
    public var artifacts: [ArtifactRule]?
    /// Which of the files is the image; `nil`: the one with the image's name, otherwise the largest
    /// disk image.
    public var image: FilePattern?
    /// Whether it is no fault if a command leaves no file.
    public var mayLeaveNothing: Bool?
    /// The environment of a Jenkins job, for a command.
    public var jenkins: JenkinsEnvironment?
    /// How the output of `Builder.command` is logged; `nil`: merged.
    public var streams: OutputStreams?

    public init(
        builder: Builder, variables: [String: String] = [:], values: [String: JSON]? = nil,
        baseImage: BaseImage? = nil, packer: PackerOptions? = nil,
        environment: [String: EnvironmentValue]? = nil, artifacts: [ArtifactRule]? = nil,
        image: FilePattern? = nil, jenkins: JenkinsEnvironment? = nil,
        streams: OutputStreams? = nil
    ) {
        self.builder = builder
        self.variables = variables
        self.values = values
        self.baseImage = baseImage
        self.packer = packer
        self.environment = environment
        self.artifacts = artifacts
        self.image = image
        self.jenkins = jenkins
        self.streams = streams
    }

    /// The secrets that the build program gets, of the host or the coordinator.
    public var secrets: Set<String> { Set((environment ?? [:]).values.compactMap(\.secretName)) }

    /// Sets variables, of whatever type they were.
    public mutating func override(_ own: [String: String]) {
        variables.merge(own) { $1 }
        guard var values else { return }
        for name in own.keys { values[name] = nil }
        self.values = values.isEmpty ? nil : values
    }

    /// The value of a placeholder: that of the variable of its name, as JSON if it is no text.
    public func value(ofPlaceholder name: String) -> String? {
        variables[name] ?? values?[name].map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    /// Without the variables that only replace placeholders.
    ///
    /// - Parameter accepted: the variables of the template.
    public func forPacker(accepting accepted: Set<String>, placeholders: [String]) -> BuildRecipe {
        guard packer?.placeholders == true else { return self }
        var recipe = self
        for name in placeholders where !accepted.contains(name) {
            recipe.variables[name] = nil
            recipe.values?[name] = nil
        }
        if recipe.values?.isEmpty == true { recipe.values = nil }
        return recipe
    }

    /// The abilities that an agent needs for this recipe.
    public var abilities: Set<BuildAbility> {
        var abilities: Set<BuildAbility> = []
        if namesArtifacts { abilities.insert(.artifacts) }
        if jenkins != nil { abilities.insert(.jenkins) }
        if baseImage?.sha512 != nil { abilities.insert(.sha512) }
        if packer != nil || values != nil { abilities.insert(.packerOptions) }
        if environment != nil { abilities.insert(.environment) }
        if packer?.placeholders == true { abilities.insert(.placeholders) }
        return abilities
    }
}

/// How Packer is called.
public struct PackerOptions: Sendable, Hashable, Codable {
    /// For `-only` and `-except`.
    public var only: [String]?
    public var except: [String]?
    /// Instead of `only`: each names the sources of one `packer build`, which follow each other.
    public var steps: [String]?
    /// Files of variables in the template; they override the values of the agent.
    public var varFiles: [String]?
    /// Whether the sources of QEMU get the accelerator of the host, whatever they ask for.
    public var overridesAccelerator: Bool?
    /// Whether `$NAME`, `$IMAGE` and `$METADATA` in the template's text are replaced by the
    /// variables of these names.
    public var placeholders: Bool?

    public init(
        only: [String]? = nil, except: [String]? = nil, steps: [String]? = nil,
        varFiles: [String]? = nil, overridesAccelerator: Bool? = nil, placeholders: Bool? = nil
    ) {
        self.only = only
        self.except = except
        self.steps = steps
        self.varFiles = varFiles
        self.overridesAccelerator = overridesAccelerator
        self.placeholders = placeholders
    }

    public var isEmpty: Bool { self == PackerOptions() }

    /// `only` of each `packer build`, in order.
    public var runs: [[String]] { steps?.map { [$0] } ?? [only ?? []] }
}

/// Features of recipes that not every agent supports. An agent lists its abilities in its report;
/// older ones list none.
public enum BuildAbility: String, Sendable, CaseIterable {
    /// Collects what `artifacts` and `image` name.
    case artifacts
    /// Runs commands as a Jenkins job would.
    case jenkins
    /// Verifies base images by `sha512`; an agent without it would not verify them at all.
    case sha512
    /// `packer` and `values` of a recipe, and templates that are folders.
    case packerOptions = "packer-options"
    /// `environment` of a recipe.
    case environment
    /// `packer.placeholders` of a recipe.
    case placeholders
    /// Archives whose template is in a folder.
    case templateFolder = "template-folder"
    /// `secrets` of `start`.
    case secrets
}

/// How standard output and standard error of a program are logged.
public enum OutputStreams: String, Sendable, Codable, CaseIterable {
    /// Through one pipe, as `out`: in the order in which they were written.
    case merged
    /// As `out` and `err`. Lines that were written at nearly the same time may change places.
    case separate
}

/// What the attempt runs: the program that makes the image, or the tests of an existing one.
public enum Builder: Sendable, Hashable {
    /// `packer build` of a template of the repository: a file (JSON, or HCL2 as `.pkr.hcl`), or a
    /// folder with HCL2 files; `.` is the whole repository.
    case packer(template: String)
    /// Any program of the template, with its arguments, without a shell. It leaves its images in
    /// the folder named by `AIBUILD_OUTPUT`.
    case command([String])
    /// The test cases of the image that `baseImage` names. No image is made.
    case test(TestPlan)
}

extension Builder: Codable {
    private enum Key: String, CodingKey { case kind, template, command, test }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        switch try container.decode(String.self, forKey: .kind) {
        case "packer":
            self = .packer(template: try container.decode(String.self, forKey: .template))
        case "command": self = .command(try container.decode([String].self, forKey: .command))
        case "test": self = .test(try container.decode(TestPlan.self, forKey: .test))
        case let kind:
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container,
                debugDescription:
                    "unknown builder '\(kind)': this agent knows packer, command and test")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .packer(let template):
            try container.encode("packer", forKey: .kind)
            try container.encode(template, forKey: .template)
        case .command(let command):
            try container.encode("command", forKey: .kind)
            try container.encode(command, forKey: .command)
        case .test(let plan):
            try container.encode("test", forKey: .kind)
            try container.encode(plan, forKey: .test)
        }
    }
}

/// A template archive (tar), named by its content.
public struct TemplateArchive: Sendable, Hashable, Codable {
    public var sha256: String
    @Bounded<ByteBound> public var sizeBytes: Int64
    /// The folder in it with `aibuild.yml`, where builds run; `nil`: its root.
    public var folder: String?

    public init(sha256: String, sizeBytes: Int64, folder: String? = nil) {
        self.sha256 = sha256
        self.sizeBytes = sizeBytes
        self.folder = folder
    }

    /// What not every agent can do, and this archive needs.
    public var abilities: Set<BuildAbility> { folder == nil ? [] : [.templateFolder] }
}

/// What an attempt needs from its host.
public struct Requirements: Sendable, Hashable, Codable {
    @Bounded<CountBound> public var vcpus: Int
    @Bounded<ByteBound> public var memoryBytes: Int64
    @Bounded<ByteBound> public var diskBytes: Int64
    /// `nil`: any.
    public var accelerator: Accelerator?
    /// Tags that the host must have, all of them.
    public var tags: Set<String>

    public init(
        vcpus: Int = 1, memoryBytes: Int64 = 1 << 30, diskBytes: Int64 = 4 << 30,
        accelerator: Accelerator? = nil, tags: Set<String> = []
    ) {
        self.vcpus = vcpus
        self.memoryBytes = memoryBytes
        self.diskBytes = diskBytes
        self.accelerator = accelerator
        self.tags = tags
    }
}

public enum Accelerator: String, Sendable, Codable, CaseIterable, Comparable {
    case kvm, tcg
    public static func < (a: Accelerator, b: Accelerator) -> Bool { a.rawValue < b.rawValue }
}

/// The timers and limits of one attempt, enforced by the supervisor.
public struct AttemptLimits: Sendable, Hashable, Codable {
    /// From `start` to the end of hashing.
    @Bounded<SecondsBound> public var totalSeconds: Int
    /// Longest time without a byte from the build program.
    @Bounded<SecondsBound> public var silenceSeconds: Int
    /// The limit of the log; beyond it the middle is dropped, and the log says so.
    @Bounded<ByteBound> public var logBytes: Int64
    /// How long the build program may clean up once it is told to stop; `nil`: a few seconds. One
    /// that builds in a cloud has a machine to remove there.
    @OptionalBounded<CleanupBound> public var cleanupSeconds: Int?

    public init(
        totalSeconds: Int = 4 * 3600, silenceSeconds: Int = 1800, logBytes: Int64 = 256 << 20,
        cleanupSeconds: Int? = nil
    ) {
        self.totalSeconds = totalSeconds
        self.silenceSeconds = silenceSeconds
        self.logBytes = logBytes
        self.cleanupSeconds = cleanupSeconds
    }
}
