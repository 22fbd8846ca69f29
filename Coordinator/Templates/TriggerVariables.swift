import BuildProtocol
import CoordinatorCore
import TextKit
import YAMLKit

/// `variables:` under `triggers:` of `aibuild.yml`: one table for all triggers, by their keys.
enum TriggerVariables {
    private typealias Key = YAMLKey<[String: JSON]>

    private static let push = key("push")
    private static let tags = key("tags")
    private static let mergeRequests = key("merge_requests")
    private static let schedule = key("schedule")
    private static let parent = key("parent")
    private static let baseImage = key("base_image")
    private static let packages = key("packages")
    private static let maxAge = key("max_age")

    static let keys = YAMLKeys(
        push, tags, mergeRequests, schedule, parent, baseImage, packages, maxAge)

    private static func key(_ name: String) -> Key {
        Key(name, .map(of: .variable), "Variables of the builds that this starts.")
    }

    static func read(
        _ triggers: YAMLMapping
    ) throws(YAMLError) -> [BuildOrigin.Kind: VariableSet] {
        var all: [BuildOrigin.Kind: VariableSet] = [:]
        guard let given = try triggers.takeIfPresent(TemplateKeys.Trigger.variables) else {
            return all
        }
        let byKind: [(BuildOrigin.Kind, Key)] = [
            (.push, push), (.tag, tags), (.mergeRequest, mergeRequests), (.schedule, schedule),
            (.parent, parent), (.baseImage, baseImage), (.packages, packages), (.age, maxAge),
        ]
        for (kind, key) in byKind {
            let own = try TemplateVariables(given, key)
            let set = VariableSet(texts: own.texts, values: own.values ?? [:])
            if !set.names.isEmpty { all[kind] = set }
        }
        return all
    }
}
