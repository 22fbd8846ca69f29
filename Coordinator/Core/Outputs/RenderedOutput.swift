/// One file of `output/` as it is for a build, or for a build in one environment.
public struct RenderedOutput: Sendable, Hashable {
    /// Without `.j2`.
    public var name: String
    /// Where the image was released to; `nil` for what does not depend on a release.
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
