import BuildProtocol

extension BuildPlan {
    /// Whether the build may have secrets at all, those of hosts included. Everything that hands
    /// out a secret asks here.
    public var mayUseSecrets: Bool { withholdsSecrets != true }

    /// The secrets that the build program asks for and may have.
    public var secrets: Set<String> { mayUseSecrets ? recipe.secrets : [] }
}
