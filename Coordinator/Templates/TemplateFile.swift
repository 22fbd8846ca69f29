package import BuildProtocol
package import CoordinatorCore
import TextKit
import YAMLKit

/// What `aibuild.yml` says about one image, read strictly: a wrong key or type is an error that
/// names file, line and key.
package struct TemplateFile: Sendable {
    package var recipe: BuildRecipe
    package var requirements: Requirements
    package var limits: AttemptLimits
    package var concurrency: Int?
    package var retries: Int?
    package var tests: ImageTests?
    package var release: ReleasePlan?
    /// Where the digest of the base image is.
    package var checksums: ChecksumSource?
    /// What else of the Git repository belongs to the template, as paths from its root or, if they
    /// begin with `./` or `../`, from the template's folder.
    package var include: [String]
    /// Whether the files of submodules, and those that Git LFS keeps, belong to it.
    package var hasSubmodules, hasLFS: Bool
    /// What of the repository a push has to change, written likewise; `nil`: anything that is in
    /// the archive.
    package var paths: [String]?
    package var triggers: ImageTriggers
    /// The folder of outputs; `nil`: `TemplateOutputs.folder`, if there is one.
    package var outputs: String?

    package static let name = "aibuild.yml"

    /// They are arguments of one program.
    private static let includes = 64

    /// - Parameter yaml: the keys of one image.
    /// - Throws: `YAMLError`
    init(_ yaml: YAMLMapping) throws(YAMLError) {
        try yaml.check(keys: TemplateKeys.image.names)
        let variables = try TemplateVariables(yaml)
        let builder = try Self.builder(yaml)
        var options: PackerOptions?
        if case .packer(let template) = builder {
            options = try TemplatePacker.options(yaml, template: template)
        }
        let base = try TemplateBaseImage(yaml)
        let image = try TemplateArtifacts.image(yaml, builder)
        checksums = base?.checksums
        recipe = BuildRecipe(
            builder: builder, variables: variables.texts, values: variables.values,
            baseImage: base?.image, packer: options,
            environment: try TemplateEnvironment.read(yaml),
            artifacts: try TemplateArtifacts.rules(yaml),
            image: image.pattern)
        if image.isNone { recipe.mayLeaveNothing = true }
        if try yaml.take(TemplateKeys.jenkins, default: false) {
            guard case .command = recipe.builder else {
                throw yaml.error(TemplateKeys.jenkins, "is only used with builder: command")
            }
            // Completed for each build.
            recipe.jenkins = JenkinsEnvironment(commit: "")
        }
        recipe.streams = try yaml.takeIfPresent(TemplateKeys.streams)
        if recipe.streams != nil, case .packer = recipe.builder {
            throw yaml.error(TemplateKeys.streams, "is allowed only with builder: command")
        }
        requirements = try Self.requirements(yaml)
        limits = try Self.limits(yaml)
        concurrency = try yaml.takeIfPresent(TemplateKeys.concurrency)
        retries = try yaml.takeIfPresent(TemplateKeys.retries)
        tests = try TemplateTestPlan.read(yaml, requirements)
        release = try TemplateRelease.plan(yaml)
        include = try yaml.take(TemplateKeys.include, default: [])
        guard include.count <= Self.includes else {
            throw yaml.error(TemplateKeys.include, "at most \(Self.includes) are allowed")
        }
        hasSubmodules = try yaml.take(TemplateKeys.submodules, default: false)
        hasLFS = try yaml.take(TemplateKeys.lfs, default: false)
        paths = try yaml.takeIfPresent(TemplateKeys.paths)
        guard (1...Self.includes).contains(paths?.count ?? 1) else {
            throw yaml.error(TemplateKeys.paths, "expected 1 to \(Self.includes) entries")
        }
        triggers = try TemplateTriggers.read(yaml, base: base?.image, checksums)
        outputs = try yaml.takeIfPresent(TemplateKeys.outputs).map(TemplateOutputs.plain)
        try yaml.finish()
    }

    /// The paths in the template that the file names.
    package var files: [String] {
        var files: [String] = []
        switch recipe.builder {
        case .packer(let template):
            if template != "." { files.append(template) }
            files += recipe.packer?.varFiles ?? []
        case .command(let command): files += Self.program(command)
        case .test: break
        }
        if let key = checksums?.key { files.append(key) }
        guard let plan = tests?.plan else { return files }
        if let path = plan.login?.path { files.append(path) }
        for test in plan.cases {
            if let path = test.path { files.append(path) }
            files += Self.program(test.command ?? [])
        }
        return files
    }

    private static func program(_ command: [String]) -> [String] {
        guard let program = command.first, program.containsSlash, !program.isAbsolutePath else {
            return []
        }
        return [program.hasPrefix("./") ? String(program.dropFirst(2)) : program]
    }

    private static func builder(_ yaml: YAMLMapping) throws(YAMLError) -> Builder {
        switch try yaml.take(TemplateKeys.builder, default: .packer) {
        case .packer:
            return .packer(template: try yaml.take(TemplateKeys.template))
        case .command:
            return .command(try yaml.take(TemplateKeys.command))
        }
    }

    private static func requirements(_ yaml: YAMLMapping) throws(YAMLError) -> Requirements {
        typealias Keys = TemplateKeys.Requirement
        var needs = Requirements()
        guard let given = try yaml.takeIfPresent(TemplateKeys.requirements) else { return needs }
        needs.vcpus = try given.take(Keys.vcpus, default: needs.vcpus)
        needs.memoryBytes = try given.take(Keys.memory, default: needs.memoryBytes)
        needs.diskBytes = try given.take(Keys.disk, default: needs.diskBytes)
        needs.accelerator = try given.takeIfPresent(Keys.accelerator)
        needs.tags = Set(try given.take(Keys.tags, default: []))
        return needs
    }

    private static func limits(_ yaml: YAMLMapping) throws(YAMLError) -> AttemptLimits {
        typealias Keys = TemplateKeys.Limit
        var limits = AttemptLimits()
        guard let given = try yaml.takeIfPresent(TemplateKeys.limits) else { return limits }
        limits.totalSeconds = try given.take(Keys.total, default: limits.totalSeconds)
        limits.silenceSeconds = try given.take(Keys.silence, default: limits.silenceSeconds)
        limits.logBytes = try given.take(Keys.log, default: limits.logBytes)
        guard (64 << 10...4 << 30).contains(limits.logBytes) else {
            throw given.error(Keys.log, "expected 64KiB to 4GiB")
        }
        return limits
    }
}
