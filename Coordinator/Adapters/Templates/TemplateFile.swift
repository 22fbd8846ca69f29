import BuildProtocol
import CoordinatorCore
import TextKit
import YAMLKit

/// `aibuild.yml` of a template, read strictly: a wrong key or type is an error that names file,
/// line and key.
struct TemplateFile {
    var recipe: BuildRecipe
    var requirements: Requirements
    var limits: AttemptLimits
    var concurrency: Int?
    var tests: ImageTests?
    var release: ReleasePlan?
    /// Where the digest of the base image is.
    var checksums: ChecksumSource?
    /// What else of the Git repository belongs to the template, as paths from its root or, if they
    /// begin with `./` or `../`, from the template's folder.
    var include: [String]

    static let name = "aibuild.yml"

    /// All that there are; some only with one builder.
    static let keys: Set = [
        "accelerator", "artifacts", "base_image", "builder", "command", "concurrency",
        "environment", "except", "image", "include", "jenkins", "limits", "only", "release",
        "requirements", "steps", "streams", "template", "tests", "var_files", "variables",
    ]

    /// They are arguments of one program.
    private static let includes = 64

    private enum Kind: String, CaseIterable { case packer, command }

    /// - Throws: `YAMLError`
    init(_ bytes: [UInt8], file: String) throws(YAMLError) {
        let yaml = try YAMLMapping(YAMLDocument.parse(bytes, file: file), file: file)
        try yaml.check(keys: Self.keys)
        let variables = try TemplateVariables(yaml)
        let builder = try Self.builder(yaml)
        var options: PackerOptions?
        if case .packer = builder { options = try TemplatePacker.options(yaml) }
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
        if try yaml.take("jenkins", .bool, default: false) {
            guard case .command = recipe.builder else {
                throw yaml.error("jenkins", "is only used with builder: command")
            }
            // Completed for each build.
            recipe.jenkins = JenkinsEnvironment(commit: "")
        }
        recipe.streams = try yaml.takeIfPresent("streams", YAMLType<OutputStreams>.word)
        if recipe.streams != nil, case .packer = recipe.builder {
            throw yaml.error("streams", "is allowed only with builder: command")
        }
        requirements = try Self.requirements(yaml)
        limits = try Self.limits(yaml)
        concurrency = try yaml.takeIfPresent("concurrency", .int(1...1000))
        tests = try TemplateTestPlan.read(yaml, requirements)
        release = try TemplateRelease.plan(yaml)
        include = try yaml.take("include", .list(of: .includedPath), default: [])
        guard include.count <= Self.includes else {
            throw yaml.error("include", "at most \(Self.includes) are allowed")
        }
        try yaml.finish()
    }

    /// The paths in the template that the file names.
    var files: [String] {
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
        guard let program = command.first, program.hasPrefix("./") else { return [] }
        return [String(program.dropFirst(2))]
    }

    private static func builder(_ yaml: YAMLMapping) throws(YAMLError) -> Builder {
        switch try yaml.take("builder", YAMLType<Kind>.word, default: .packer) {
        case .packer:
            return .packer(template: try yaml.take("template", .templatePath))
        case .command:
            return .command(try yaml.take("command", .command))
        }
    }

    private static func requirements(_ yaml: YAMLMapping) throws(YAMLError) -> Requirements {
        var needs = Requirements()
        guard let given = try yaml.takeIfPresent("requirements", .mapping) else { return needs }
        needs.vcpus = try given.take("vcpus", .int(1...1024), default: needs.vcpus)
        needs.memoryBytes = try given.take("memory", .sizeBytes, default: needs.memoryBytes)
        needs.diskBytes = try given.take("disk", .sizeBytes, default: needs.diskBytes)
        needs.accelerator = try given.takeIfPresent("accelerator", .word)
        let tag = YAMLType<String>.string.checked { Names.problem($0, what: "tag") }
        needs.tags = Set(try given.take("tags", .list(of: tag), default: []))
        return needs
    }

    private static func limits(_ yaml: YAMLMapping) throws(YAMLError) -> AttemptLimits {
        var limits = AttemptLimits()
        guard let given = try yaml.takeIfPresent("limits", .mapping) else { return limits }
        limits.totalSeconds = try given.take(
            "total", .durationSeconds.checked(seconds), default: limits.totalSeconds)
        limits.silenceSeconds = try given.take(
            "silence", .durationSeconds.checked(seconds), default: limits.silenceSeconds)
        limits.logBytes = try given.take("log", .sizeBytes, default: limits.logBytes)
        guard (64 << 10...4 << 30).contains(limits.logBytes) else {
            throw given.error("log", "expected 64KiB to 4GiB")
        }
        return limits
    }

    private static func seconds(_ value: Int) -> String? {
        (1...7 * 86_400).contains(value) ? nil : "expected 1s to 7d"
    }
}

extension YAMLType where Value == [String] {
    /// A program and its arguments, without a shell.
    static var command: YAMLType {
        .list(of: .string).checked { command in
            guard let program = command.first, !program.isEmpty, command.count <= 256 else {
                return "expected a program and up to 255 arguments"
            }
            return command.contains { $0.utf8.contains(0) }
                ? "an argument contains a NUL byte" : nil
        }
    }
}

extension YAMLType where Value == String {
    static var innerPath: YAMLType {
        .string.checked { path in
            Names.isInnerPath(path)
                ? nil : "\(Names.quoted(path)) is not a path inside the template repository"
        }
    }

    fileprivate static var includedPath: YAMLType {
        .string.checked { path in
            path.isEmpty || path.utf8.count > 1024 || path.isAbsolutePath
                || path.unicodeScalars.contains { $0.value < 0x20 }
                ? "expected the path of a file or folder of the repository" : nil
        }
    }

    /// The same, or `.` for the whole repository.
    fileprivate static var templatePath: YAMLType {
        .string.checked { path in
            path == "." || Names.isInnerPath(path)
                ? nil : "\(Names.quoted(path)) is not a path inside the template repository"
        }
    }
}
