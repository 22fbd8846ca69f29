import BuildProtocol
import CoordinatorCore
import YAMLKit

/// `release:` of `aibuild.yml`.
enum TemplateRelease {
    /// Enough for every cloud of a team, and within the limits of image services.
    private static let environments = 50
    private static let properties = 64

    private typealias Keys = TemplateKeys.Release

    static func plan(_ yaml: YAMLMapping) throws(YAMLError) -> ReleasePlan? {
        guard let given = try yaml.takeIfPresent(TemplateKeys.release) else { return nil }
        var plan = ReleasePlan()
        plan.to = try given.take(Keys.to, default: [])
        guard plan.to.count <= environments, Set(plan.to).count == plan.to.count else {
            throw given.error(Keys.to, "expected up to \(environments) environments, each once")
        }
        plan.when = try given.take(Keys.when, default: .automatic)
        plan.name = try given.takeIfPresent(Keys.name)
        plan.properties = try given.take(Keys.properties, default: [:])
        guard plan.properties.count <= properties else {
            throw given.error(Keys.properties, "at most \(properties) are allowed")
        }
        for key in plan.properties.keys {
            // `trait:CUSTOM_X` is a common name.
            let plain = String(key.map { $0 == ":" ? "_" : $0 })
            if let problem = Names.problem(plain, what: "name of the property") {
                throw given.error(Keys.properties, problem)
            }
        }
        return plan
    }
}
