import AgentCore
import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import PackerKit
import ProcessKit
import Support
import Templates
import TextKit

/// The Packer of this machine, with the settings and plugins of its user.
struct LocalPacker {
    let program: String
    let environment: [String: String]
    private let own: [String: String]

    /// `nil` if none is installed.
    init?(_ own: [String: String] = ProcessInfo.processInfo.environment) {
        guard let program = ProcessKit.Command.find("packer", path: own["PATH"] ?? "") else {
            return nil
        }
        self.program = program
        self.own = own
        environment = own.merging(["CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1"]) { $1 }
            .filter { $0.key != "PACKER_LOG" }
    }

    /// Whether every variable that has a secret in a build is set here.
    func hasValues(for recipe: BuildRecipe) -> Bool {
        (recipe.environment ?? [:]).allSatisfy { name, value in
            value.secretName == nil || own[name] != nil
        }
    }
}

/// `packer validate` with the variables that a build would get.
struct PackerRun {
    let packer: LocalPacker
    let plan: BuildPlan
    let check: PackerCheck
    /// Of the template.
    let folder: String
    let temporary: String
    private static let timeoutSeconds = 60

    /// - Returns: what Packer says about the template; `nil` if it takes it.
    /// - Throws: `TemplateFault`
    func rejection() async throws(TemplateFault) -> String? {
        do {
            let files = try variableFiles()
            let template = try filled()
            guard let rejected = try await rejection(of: template, files) else { return nil }
            guard check.template.language == .json, let fixed = try await fixed(template) else {
                return "Packer does not accept \(check.path):\n" + rejected
            }
            return try await rejection(of: fixed, files).map {
                "Packer accepts neither \(check.path) nor the output of packer fix:\n" + $0
            }
        } catch let fault as TemplateFault { throw fault } catch {
            throw TemplateFault("packer validate could not look at \(check.path): \(error)")
        }
    }

    private func rejection(of template: String, _ files: [String]) async throws -> String? {
        let options = plan.recipe.packer ?? PackerOptions()
        for only in options.runs {
            let selection = PackerSelection.arguments(only: only, except: options.except ?? [])
            let result = try await run(["validate"] + selection + files + [template])
            if result.status.isSuccess { continue }
            // Versions of Packer differ in which stream they use.
            let said = (result.stdoutText + result.stderrText).lines
            return said.isEmpty
                ? "packer validate: \(result.status)"
                : PackerAdvice.completing(said.joined(separator: "\n"))
        }
        return nil
    }

    /// - Returns: the path of the template, with the values of its placeholders if it has some.
    private func filled() throws -> String {
        let texts = try check.placeholderTexts(plan.recipe)
        if texts.isEmpty { return check.path }
        let text = try Files.read(
            "\(folder)/\(check.path)", limitBytes: Int(PackerLimits.fileBytes))
        let path = temporary + "/filled.json"
        try Files.replace(path, with: PackerPlaceholders.fill(text, texts), mode: 0o600)
        return path
    }

    /// - Returns: the path of the template as `packer fix` upgrades it.
    private func fixed(_ template: String) async throws -> String? {
        let result = try await run(["fix", "-validate=false", template])
        guard result.status.isSuccess, !result.stdout.isEmpty else { return nil }
        let path = temporary + "/fixed.json"
        try Files.replace(path, with: result.stdout, mode: 0o600)
        return path
    }

    /// - Returns: the arguments that name the files.
    private func variableFiles() throws -> [String] {
        var base: String?
        if let image = plan.recipe.baseImage {
            // Packer looks whether the file is there.
            let path = "\(temporary)/\(BaseImageURL.fileName(image.url))"
            try Files.replace(path, with: [], mode: 0o600)
            base = path
        }
        let variables = try PackerVariables(
            for: check.template, recipe: plan.recipe,
            offer: .init(
                outputFolder: temporary + "/output", imageName: "checkx86_64_20000101_1",
                buildNumber: 1, baseImagePath: base, baseImageDigest: nil,
                accelerator: plan.requirements.accelerator ?? .tcg,
                vcpus: plan.requirements.vcpus, memoryBytes: plan.requirements.memoryBytes,
                ports: 20_000..<20_100))
        let offers = temporary + "/offers.json"
        let own = temporary + "/variables.json"
        try Files.replace(offers, with: PackerVariables.file(variables.offers), mode: 0o600)
        try Files.replace(own, with: PackerVariables.file(variables.own), mode: 0o600)
        return ([offers] + (plan.recipe.packer?.varFiles ?? []) + [own]).map { "-var-file=\($0)" }
    }

    private func run(_ arguments: [String]) async throws -> ProcessKit.Command.Output {
        var environment = packer.environment
        environment["PACKER_CACHE_DIR"] = temporary + "/packer_cache"
        for (name, value) in plan.recipe.environment ?? [:] {
            if case .text(let text) = value { environment[name] = text }
        }
        return try await ProcessKit.Command(
            [packer.program] + arguments, environment: environment, workFolder: folder
        ).run(timeoutSeconds: Self.timeoutSeconds)
    }
}
