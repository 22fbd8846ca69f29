public import TextKit

/// The user-mode network of an isolated program: slirp4netns outside of its network namespace, and
/// routes inside that lead nowhere near the host.
public enum AttemptNetwork {
    /// Reserved for documentation, so that it hides no real network.
    public static let network = "198.51.100.0/24"
    static let address = "198.51.100.100/24"
    static let gateway = "198.51.100.2"
    /// Where slirp4netns answers for the host's resolver.
    static let resolver = "198.51.100.3"
    static let device = "tap0"
    static let mtu = 65_520

    /// - Parameters: descriptors that the program inherits: for "ready", for the end of its parent,
    ///   the user namespace that owns the network namespace, and that itself.
    public static func arguments(ready: Int, exit: Int, user: Int, network: Int) -> [String] {
        [
            // Not `--configure`: it would set up the loopback interface while bubblewrap does.
            "slirp4netns", "--mtu=\(mtu)", "--cidr=\(self.network)",
            // What listens on the host's loopback interface is not for strangers.
            "--disable-host-loopback", "--enable-seccomp",
            "--ready-fd=\(ready)", "--exit-fd=\(exit)", "--userns-path=/proc/self/fd/\(user)",
            "--netns-type=path", "/proc/self/fd/\(network)", device,
        ]
    }

    /// Input of `ip -batch`: the address, and the routes. The host's own addresses are closed one
    /// by one: slirp4netns would connect to them as a program of the host.
    public static func routes(
        _ networks: [IPv4Network]?, hostAddresses: [IPv4Network]
    ) -> String {
        var lines = [
            "address add \(address) dev \(device)", "link set \(device) mtu \(mtu) up",
        ]
        let reached = networks.map { $0.map(\.description) } ?? ["default"]
        lines += reached.map { "route replace \($0) via \(gateway) dev \(device)" }
        lines += (Isolation.reserved + hostAddresses).filter { !$0.overlaps(loopback) }
            .map { "route replace unreachable \($0)" }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Of the namespace itself: a route would close it for the program's own services.
    private static let loopback = Isolation.reserved[0]

    /// The resolver's configuration, with the host's search list.
    public static func resolverConfiguration(host: String) -> String {
        let kept = host.lines.filter { line in
            ["search", "domain", "options"].contains { line.hasPrefix($0 + " ") }
        }
        return (["nameserver \(resolver)"] + kept.map(String.init)).map { $0 + "\n" }.joined()
    }
}
