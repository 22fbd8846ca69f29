/// Something on the coordinator's machine that an administrator has to set up.
public struct SetupProblem: Sendable, Hashable {
    public var problem: String
    public var remedy: String
    /// Whether it may be none: only people know.
    public var isGuess: Bool

    public init(_ problem: String, remedy: String, isGuess: Bool = false) {
        self.problem = problem
        self.remedy = remedy
        self.isGuess = isGuess
    }

    /// Hosts fetch the images that they test from the coordinator, and do not find it at an address
    /// that means every machine itself.
    /// - Parameters:
    ///   - url: of the web root, as hosts are told it.
    ///   - addresses: of the hosts, `user@host:port`.
    /// - Returns: `nil` if hosts may find it.
    public static func loopback(_ url: String, hosts addresses: [String]) -> SetupProblem? {
        guard let start = url.firstRange(of: "://")?.upperBound, isLoopback(url[start...]),
            let other = addresses.first(where: { !isLoopback($0[...]) })
        else { return nil }
        return SetupProblem(
            "Hosts fetch the images that they test from \(url), which is their own machine for "
                + "hosts such as \(other)",
            remedy: "Unless that is this machine, set api.url in coordinator.yml to an address of "
                + "the coordinator that its hosts reach, then restart it", isGuess: true)
    }

    /// - Parameter authority: `user@host:port`, perhaps with a path behind it.
    private static func isLoopback(_ authority: Substring) -> Bool {
        let place = authority.prefix { $0 != "/" }.split(separator: "@").last ?? ""
        if place.hasPrefix("[") { return place.hasPrefix("[::1]") }
        let host = place.prefix { $0 != ":" }.lowercased()
        let isAddress = host.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) }
        return host == "localhost" || isAddress && host.hasPrefix("127.")
    }
}
