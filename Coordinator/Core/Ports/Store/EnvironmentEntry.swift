/// An environment with its secret; a `nil` secret keeps the stored one.
public struct EnvironmentEntry: Sendable, Hashable {
    public var environment: ReleaseEnvironment
    public var secret: Secret?

    public init(environment: ReleaseEnvironment, secret: Secret? = nil) {
        self.environment = environment
        self.secret = secret
    }
}
