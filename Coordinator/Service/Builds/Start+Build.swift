import BuildProtocol
import CoordinatorCore
import TextKit

extension Start {
    /// - Parameter url: the URL from which hosts fetch a path of the web root.
    init(_ build: Build, as token: AttemptToken, url: (String) -> String) {
        self.init(
            attempt: token,
            build: BuildDescription(
                id: build.id, guestOS: build.guestOS, number: build.number,
                imageName: build.imageName),
            template: build.plan.template, recipe: Self.recipe(build, url),
            requirements: build.requirements, limits: build.limits)
    }

    /// Why it cannot be sent; `nil` if it fits a line.
    var sizeProblem: String? {
        guard let size = try? CanonicalJSON.encode(CoordinatorMessage.start(self)).count else {
            return "the instructions for the host cannot be encoded"
        }
        guard size >= ProtocolLimits.lineBytes else { return nil }
        return "the instructions for the host have \(size) bytes; at most "
            + "\(ProtocolLimits.lineBytes - 1) can be sent: make the variables, the secrets, the "
            + "commands of the test cases or the registered programs shorter, or put them into "
            + "files of the template"
    }

    /// The image that is tested is fetched from the current leader, even if another coordinator
    /// published it.
    private static func recipe(_ build: Build, _ url: (String) -> String) -> BuildRecipe {
        guard build.stage == .test, var plan = build.plan.tests?.plan, let image = build.image
        else {
            var recipe = build.plan.recipe
            recipe.jenkins?.webServer = Self.authority(of: url(""))
            recipe.environment = build.plan.environment
            return recipe
        }
        plan.imageFormat = image.format
        // A program that tests an image in a cloud has to sign in there.
        return BuildRecipe(
            builder: .test(plan),
            baseImage: BaseImage(url: url(image.path), sha256: image.sha256),
            environment: plan.isRemote ? build.plan.environment : nil)
    }

    /// Host and port of a URL.
    private static func authority(of url: String) -> String? {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.count > 2 ? parts[2].split(separator: "@").last.map(String.init) : nil
    }
}

extension BuildPlan {
    /// What programs of the build get.
    fileprivate var environment: [String: EnvironmentValue]? {
        guard !mayUseSecrets else { return recipe.environment }
        return recipe.environment?.filter { $0.value.secretName == nil }
    }
}
