/// Every bound of releases to Docker hosts and registries, with its reason.
enum DockerReleaseLimits {
    /// Hosts of one environment that are worked on at once: they pull from one registry.
    static let hostsAtOnce = 8
    /// Longest time until a container's health check is content; slow services take a minute.
    static let healthSeconds = 180
    /// How long a container without a health check must run before it counts as well.
    static let settleSeconds = 10
    /// A host's own words in a note or fault.
    static let wordsCharacters = 2000
}
