public import BuildProtocol

/// Validates a `start` before any of it becomes a path, a variable or a timer.
public enum StartCheck {
    /// What is wrong with the message, or `nil`.
    public static func problem(_ start: Start) -> String? {
        if !Names.isSHA256(start.template.sha256) {
            return "template.sha256 is not a SHA-256 digest"
        }
        if let folder = start.template.folder, !Names.isInnerPath(folder) {
            return "template.folder is not a path in the archive"
        }
        if let problem = Names.problem(start.build.imageName, what: "image name") { return problem }
        if start.limits.totalSeconds < 1 || start.limits.silenceSeconds < 1 {
            return "limits: a time below one second"
        }
        if start.limits.logBytes < 1024 { return "limits.logBytes: below 1024" }
        return start.problem ?? problem(start.secrets) ?? problem(start.recipe)
    }

    private static func problem(_ secrets: SecretValues?) -> String? {
        for (name, value) in secrets?.values ?? [:] {
            // It becomes the name of a file.
            if let problem = Names.problem(name, what: "name of a secret") { return problem }
            guard
                (AgentLimits.secretBytes...AgentLimits.secretFileBytes).contains(value.utf8.count),
                !value.utf8.contains(0)
            else { return "secrets: \(Names.quoted(name)) is too short or long, or has a NUL byte" }
        }
        return nil
    }

    private static func problem(_ recipe: BuildRecipe) -> String? {
        if recipe.variables.count > ProtocolLimits.variables {
            return "recipe: more than \(ProtocolLimits.variables) variables"
        }
        for (name, value) in recipe.variables {
            if name.utf8.count > ProtocolLimits.nameBytes
                || value.utf8.count > ProtocolLimits.variableValueBytes
            {
                return "recipe: the variable \(Names.quoted(name)) is too long"
            }
        }
        if let problem = problem(recipe.packer ?? PackerOptions()) { return problem }
        for (name, value) in recipe.environment ?? [:] {
            if let problem = EnvironmentValue.problem(ofName: name) {
                return "recipe.environment: \(problem)"
            }
            if case .text(let text) = value, text.utf8.contains(0) {
                return "recipe.environment: \(name) has a NUL byte"
            }
        }
        if let sha256 = recipe.baseImage?.sha256, !Names.isSHA256(sha256) {
            return "recipe.baseImage.sha256 is not a SHA-256 digest"
        }
        if let sha512 = recipe.baseImage?.sha512, !Names.isSHA512(sha512) {
            return "recipe.baseImage.sha512 is not a SHA-512 digest"
        }
        let patterns = (recipe.artifacts ?? []).map(\.files) + [recipe.image].compactMap(\.self)
        guard patterns.count <= ProtocolLimits.artifactsPerAttempt + 1 else {
            return "recipe.artifacts: more than \(ProtocolLimits.artifactsPerAttempt)"
        }
        if let problem = patterns.lazy.compactMap({ FilePattern.problem($0.text) }).first {
            return "recipe: " + problem
        }
        switch recipe.builder {
        case .packer(let template) where template != "." && !Names.isInnerPath(template):
            return "recipe: the template \(Names.quoted(template)) is not a path in the repository"
        case .command(let arguments) where arguments.isEmpty: return "recipe: the command is empty"
        case .command(let arguments) where arguments.contains { $0.utf8.contains(0) }:
            return "recipe: the command contains a NUL byte"
        case .test(let plan):
            if recipe.baseImage == nil { return "recipe: no image to test" }
            return problem(plan)
        default: return nil
        }
    }

    private static func problem(_ options: PackerOptions) -> String? {
        let patterns = (options.only ?? []) + (options.except ?? []) + (options.steps ?? [])
        let files = options.varFiles ?? []
        guard patterns.count + files.count <= ProtocolLimits.packerArguments else {
            return "recipe.packer: more than \(ProtocolLimits.packerArguments) arguments"
        }
        if patterns.contains(where: { $0.isEmpty || $0.utf8.contains { $0 < 0x20 || $0 == 0x2C } })
        {
            return "recipe.packer: a pattern is empty, or has a comma or a control character"
        }
        return files.allSatisfy(Names.isInnerPath)
            ? nil : "recipe.packer.varFiles: not a path in the repository"
    }

    private static func problem(_ plan: TestPlan) -> String? {
        guard (1...ProtocolLimits.testCases).contains(plan.cases.count) else {
            return "recipe.test: \(plan.cases.count) test cases"
        }
        guard plan.bootSeconds > 0 else {
            return "recipe.test: bootSeconds \(plan.bootSeconds)"
        }
        // It becomes a word on a command line, and a path.
        if let login = plan.login {
            if let problem = Names.problem(login.user, what: "user") { return problem }
            guard login.method == .cloudInit || login.path.map(Names.isInnerPath) ?? false else {
                return "recipe.test.login: not a path in the repository"
            }
        }
        return plan.cases.lazy.compactMap { problem($0, plan) }.first
    }

    private static func problem(_ test: PlannedTest, _ plan: TestPlan) -> String? {
        if let problem = Names.titleProblem(test.name, what: "name of a test case") {
            return problem
        }
        let name = Names.quoted(test.name)
        if test.limitSeconds < 1 { return "recipe.test: \(name) has no time" }
        switch test.kind {
        case .boot, .shutdown, .bootRepeated: return nil
        case .script:
            if plan.login == nil { return "recipe.test: \(name) needs a login" }
            let isThere = test.text != nil || test.path.map(Names.isInnerPath) ?? false
            return isThere ? nil : "recipe.test: \(name) has no script"
        case .program:
            if test.text != nil { return nil }
            guard let command = test.command, !command.isEmpty,
                !command.contains(where: { $0.utf8.contains(0) })
            else { return "recipe.test: \(name) has no program" }
            return nil
        }
    }
}
