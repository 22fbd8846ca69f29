import AgentCore
import BuildProtocol
import Testing

/// Which parts of the host a sandbox opens, and where its network leads.
@Suite struct IsolationRuleTests {
    @Test(
        "Addresses and networks are read, with nothing behind the prefix",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0/8"), ("192.168.7.5", "192.168.7.5/32"),
            ("0.0.0.0/0", "0.0.0.0/0"), ("10.0.0.1/8", nil), ("10.0.0/8", nil),
            ("10.0.0.0/33", nil),
            ("10.0.0.0/08", nil), ("010.0.0.1", nil), ("256.0.0.1", nil), ("10.0.0.0/8/8", nil),
            ("::1", nil), ("", nil),
        ])
    func networksAreRead(text: String, canonical: String?) {
        #expect(IPv4Network(text)?.description == canonical)
    }

    @Test("Routes to the host's addresses and to link-local ones lead nowhere")
    func hostAddressesAreClosed() {
        let own = ["127.0.0.1", "192.0.2.7"].compactMap { IPv4Network($0) }
        let routes = AttemptNetwork.routes(nil, hostAddresses: own).split(separator: "\n")
        #expect(routes.contains("route replace default via 198.51.100.2 dev tap0"))
        #expect(routes.contains("route replace unreachable 192.0.2.7/32"))
        #expect(routes.contains("route replace unreachable 169.254.0.0/16"))
        #expect(!routes.contains { $0.contains("127.0.0") }, "its own loopback stays open")
    }

    @Test("With listed networks there is no default route")
    func listedNetworksOnly() {
        let listed = ["10.20.0.0/16"].compactMap { IPv4Network($0) }
        let routes = AttemptNetwork.routes(listed, hostAddresses: [])
        #expect(routes.contains("route replace 10.20.0.0/16 via 198.51.100.2"))
        #expect(!routes.contains("default"))
    }

    @Test("A sandbox has no path of the state folder but those of its attempt")
    func onlyOwnPaths() throws {
        let state = StateFolder("/var/lib/aibuild-agent")
        let folder = state.attempt(AttemptToken(high: 1, low: 2))
        let sandbox = Sandbox(
            folder: folder, packerConfiguration: state.packerConfiguration,
            isolation: Isolation(readOnly: ["/srv/iso"], hidden: ["/etc/aibuild"]),
            isOnline: true,
            systemFolders: [
                Sandbox.SystemFolder(path: "/usr"), Sandbox.SystemFolder(path: "/etc"),
                Sandbox.SystemFolder(path: "/bin", linkTarget: "usr/bin"),
            ], agentProgram: "/usr/bin/aibuild-agent", programFolders: ["/usr/bin", "/opt/packer"],
            inputs: [], resolverPath: "/etc/resolv.conf", workFolder: folder.work)
        let arguments = sandbox.arguments(["./build", "--disable-userns"])
        let inState = arguments.filter { $0.hasPrefix(state.root) }
        #expect(
            inState.allSatisfy {
                $0.hasPrefix(folder.root + "/") || $0 == state.packerConfiguration
            })
        for path in [folder.result, folder.log, folder.control, folder.lock, folder.root] {
            #expect(!arguments.contains(path), "\(path)")
        }
        // What is read-only is not also writable.
        let writable = zip(arguments, arguments.dropFirst()).filter { $0.0.hasPrefix("--bind") }
            .map(\.1)
        #expect(!writable.contains { [folder.baseImage, folder.shim, folder.start].contains($0) })
        #expect(
            arguments.suffix(4) == [
                "/usr/bin/aibuild-agent", "inside", "./build", "--disable-userns",
            ])
        #expect(arguments.contains("/opt/packer") && arguments.contains("/srv/iso"))
    }

    @Test("The resolver of a sandbox keeps the host's search list and none of its servers")
    func resolverKeepsSearchList() {
        let text = AttemptNetwork.resolverConfiguration(
            host: "# x\nnameserver 127.0.0.53\r\nsearch example.org\noptions edns0\n")
        #expect(text == "nameserver 198.51.100.3\nsearch example.org\noptions edns0\n")
    }
}
