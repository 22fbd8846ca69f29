/// A rendered file of `output/`, for a build or for a build in one environment.
public struct RenderedOutput: Sendable, Hashable {
    /// Without `.j2`.
    public var name: String
    /// The environment of the release; `nil` if it does not depend on one.
    public var environment: String?
    public var text: String

    public init(name: String, environment: String?, text: String) {
        self.name = name
        self.environment = environment
        self.text = text
    }

    /// `lab/stack.yml`, or `stack.yml`.
    public var path: String { environment.map { "\($0)/\(name)" } ?? name }
}
