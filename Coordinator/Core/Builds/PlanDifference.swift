import BuildProtocol
import TextKit

/// One thing that two plans of the same guest OS have differently.
public struct PlanDifference: Sendable, Hashable, Codable {
    /// The key of `aibuild.yml`, such as `requirements.memory`, or `commit` and `template`.
    public var what: String
    /// `nil`: it was not set.
    public var then: String?
    public var now: String?

    public init(_ what: String, _ then: String?, _ now: String?) {
        self.what = what
        self.then = then
        self.now = now
    }

    /// Longer values are cut: they are for people.
    private static let valueBytes = 500

    /// What the plans differ in, in the order of `aibuild.yml`.
    public static func all(_ then: BuildPlan, _ now: BuildPlan) -> [PlanDifference] {
        zip(values(then), values(now)).flatMap { old, new in
            Set(old.values.keys).union(new.values.keys).sorted().compactMap { key in
                let (a, b) = (old.values[key], new.values[key])
                guard a != b else { return nil }
                let name = key.isEmpty ? old.name : "\(old.name).\(key)"
                return PlanDifference(name, cut(a), cut(b))
            }
        }
    }

    private static func cut(_ text: String?) -> String? {
        text.map { $0.utf8.count <= valueBytes ? $0 : $0.prefixOfUTF8(valueBytes) + " …" }
    }

    private static func values(
        _ plan: BuildPlan
    ) -> [(name: String, values: [String: String])] {
        let recipe = plan.recipe
        func one(_ value: String?) -> [String: String] { value.map { ["": $0] } ?? [:] }
        func json(_ value: (some Encodable)?) -> [String: String] {
            one(value.flatMap { try? CanonicalJSON.text($0) })
        }
        func fields(_ value: (some Encodable)?) -> [String: String] {
            guard let value, let bytes = try? CanonicalJSON.encode(value),
                case .object(let fields)? = try? JSON(parsing: bytes)
            else { return [:] }
            return fields.mapValues { $0.text ?? String(decoding: $0.bytes, as: UTF8.self) }
        }
        return [
            ("commit", one(plan.commit)), ("template", one(plan.template.sha256)),
            ("builder", json(recipe.builder)), ("packer", fields(recipe.packer)),
            (
                "variables",
                recipe.variables.merging(
                    (recipe.values ?? [:]).mapValues { String(decoding: $0.bytes, as: UTF8.self) }
                ) { $1 }
            ),
            ("environment", fields(recipe.environment)), ("base_image", fields(recipe.baseImage)),
            ("artifacts", json(recipe.artifacts)), ("image", json(recipe.image)),
            ("requirements", fields(plan.requirements)), ("limits", fields(plan.limits)),
            ("concurrency", one(plan.concurrency.map(String.init))),
            ("retries", one(plan.retries.map(String.init))),
            ("tests", fields(plan.tests)), ("release", fields(plan.release)),
        ]
    }
}
