import BuildProtocol
import CoordinatorCore
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

    static let name = "aibuild.yml"

    private enum Kind: String, CaseIterable { case packer, command }

    /// - Throws: `YAMLError`
    init(_ bytes: [UInt8], file: String) throws(YAMLError) {
        let yaml = try YAMLMapping(YAMLDocument.parse(bytes, file: file), file: file)
        let variables = try yaml.take("variables", .map(of: .variable), default: [:])
        guard variables.count <= ProtocolLimits.variables else {
            throw yaml.error("variables", "at most \(ProtocolLimits.variables) are allowed")
        }
        let bytes = variables.values.map(\.utf8.count).clampedSum()
        guard bytes <= ProtocolLimits.variablesBytes else {
            throw yaml.error(
                "variables",
                "the values have \(bytes) bytes together; at most "
                    + "\(ProtocolLimits.variablesBytes) are allowed: put large ones into files of "
                    + "the template")
        }
        for name in variables.keys {
            if let problem = Names.problem(name, what: "name of the variable") {
                throw yaml.error("variables", problem)
            }
        }
        let base = try TemplateBaseImage(yaml)
        checksums = base?.checksums
        recipe = BuildRecipe(
            builder: try Self.builder(yaml), variables: variables,
            baseImage: base?.image, artifacts: try TemplateArtifacts.rules(yaml),
            image: try TemplateArtifacts.image(yaml))
        if try yaml.take("jenkins", .bool, default: false) {
            guard case .command = recipe.builder else {
                throw yaml.error("jenkins", "is only used with builder: command")
            }
            // Completed for each build.
            recipe.jenkins = JenkinsEnvironment(commit: "")
        }
        requirements = try Self.requirements(yaml)
        limits = try Self.limits(yaml)
        concurrency = try yaml.takeIfPresent("concurrency", .int(1...1000))
        tests = try TemplateTestPlan.read(yaml, requirements)
        release = try TemplateRelease.plan(yaml)
        try yaml.finish()
    }

    /// The paths in the template that the file names.
    var files: [String] {
        var files: [String] = []
        switch recipe.builder {
        case .packer(let template): files.append(template)
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
            return .packer(template: try yaml.take("template", .innerPath))
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

    fileprivate static var variable: YAMLType {
        .string.checked { text in
            text.utf8.count <= ProtocolLimits.variableValueBytes
                ? nil : "is longer than \(ProtocolLimits.variableValueBytes) bytes"
        }
    }
}
