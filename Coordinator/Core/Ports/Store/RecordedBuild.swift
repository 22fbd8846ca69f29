/// A build with its attempts, as a recovery reads it.
public struct RecordedBuild: Sendable, Hashable {
    public var build: Build
    /// Oldest first.
    public var attempts: [Attempt]

    public init(build: Build, attempts: [Attempt]) {
        self.build = build
        self.attempts = attempts
    }
}
