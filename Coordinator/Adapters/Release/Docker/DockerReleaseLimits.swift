/// The limits of releases to Docker hosts and registries, each with its reason.
enum DockerReleaseLimits {
    /// Hosts of one environment that are updated concurrently: they pull from one registry.
    static let hostsAtOnce = 8
    /// Longest time until a container's health check succeeds; slow services take a minute.
    static let healthSeconds = 180
    /// How long a container without a health check must run to count as healthy.
    static let settleSeconds = 10
    /// The part of a host's message that is kept in a note or fault.
    static let messageCharacters = 2000
}
