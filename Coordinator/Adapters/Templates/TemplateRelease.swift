import BuildProtocol
import CoordinatorCore
import YAMLKit

/// `release:` of `aibuild.yml`.
enum TemplateRelease {
    /// Enough for every cloud of a team, and within the limits of image services.
    private static let environments = 50
    private static let properties = 64
    private static let textBytes = 255

    static func plan(_ yaml: YAMLMapping) throws(YAMLError) -> ReleasePlan? {
        guard let given = try yaml.takeIfPresent("release", .mapping) else { return nil }
        var plan = ReleasePlan()
        let name = YAMLType<String>.string.checked {
            Names.registeredProblem($0, what: "environment")
        }
        plan.to = try given.take("to", .list(of: name), default: [])
        guard plan.to.count <= environments, Set(plan.to).count == plan.to.count else {
            throw given.error("to", "expected up to \(environments) environments, each once")
        }
        plan.when = try given.take("when", .word, default: .automatic)
        let text = YAMLType<String>.string.checked { text in
            text.utf8.count <= textBytes && !text.unicodeScalars.contains { $0.value < 0x20 }
                ? nil : "has more than \(textBytes) bytes, or control characters"
        }
        plan.name = try given.takeIfPresent("name", text)
        plan.properties = try given.take("properties", .map(of: text), default: [:])
        guard plan.properties.count <= properties else {
            throw given.error("properties", "at most \(properties) are allowed")
        }
        for key in plan.properties.keys {
            // `trait:CUSTOM_X` is a common name.
            let plain = String(key.map { $0 == ":" ? "_" : $0 })
            if let problem = Names.problem(plain, what: "name of the property") {
                throw given.error("properties", problem)
            }
        }
        return plan
    }
}
