import CoordinatorCore
import YAMLKit

/// `triggers:` of `aibuild.yml`.
enum TemplateTriggers {
    /// Each is compared with each pushed branch or tag.
    private static let patterns = 64

    private typealias Keys = TemplateKeys.Trigger

    static func read(_ yaml: YAMLMapping) throws(YAMLError) -> ImageTriggers {
        var triggers = ImageTriggers()
        guard let given = try yaml.takeIfPresent(TemplateKeys.triggers) else { return triggers }
        triggers.push = try given.take(Keys.push, default: triggers.push)
        triggers.branches = try Self.patterns(given, Keys.branches)
        triggers.tags = try Self.patterns(given, Keys.tags)
        triggers.mergeRequests = try given.take(Keys.mergeRequests, default: false)
        triggers.supersede = try given.take(Keys.supersede, default: false)
        triggers.publish = try given.take(Keys.publish, default: .always)
        return triggers
    }

    private static func patterns(
        _ yaml: YAMLMapping, _ key: YAMLKey<[String]>
    ) throws(YAMLError) -> [String] {
        let patterns = try yaml.take(key, default: [])
        guard patterns.count <= Self.patterns else {
            throw yaml.error(key, "at most \(Self.patterns) are allowed")
        }
        return patterns
    }
}
