import AgentCore
import BuildProtocol
import Testing
import TextKit

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

    @Test("Base images come from what builds reach, and from what agent.yml opens for them")
    func fetchNetworks() throws {
        let networks = { (texts: [String]) in texts.compactMap { IPv4Network($0) } }
        func reaches(_ isolation: Isolation) throws -> [String] {
            let fetch = FetchNetworks(isolation, hostAddresses: networks(["192.0.2.7"]))
            return try [
                "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "169.254.169.254", "192.0.2.7",
                "192.0.2.8", "10.20.3.4", "10.21.0.1",
            ].filter { fetch.contains(try #require(IPv4Network($0)).address) }
        }
        #expect(try reaches(Isolation()) == ["192.0.2.8", "10.20.3.4", "10.21.0.1"])
        #expect(try reaches(Isolation(networks: networks(["10.20.0.0/16"]))) == ["10.20.3.4"])
        #expect(try reaches(Isolation(networks: [])) == [])
        let mirrors = networks(["127.0.0.1", "10.21.0.0/24"])
        #expect(
            try reaches(Isolation(networks: [], baseImageNetworks: mirrors))
                == ["127.0.0.1", "10.21.0.1"])
    }

    @Test("A file of the host is a base image if it is no secret, and never one of the agent's")
    func localImages() {
        let rule = LocalImageRule(
            Isolation(
                readOnly: ["/srv/iso"], readWrite: ["/srv/scratch"], hidden: ["/etc/aibuild"]),
            stateFolder: "/var/lib/aibuild-agent")
        #expect(rule.allows("/data/debian.iso", mode: 0o644))
        #expect(!rule.allows("/data/debian.iso", mode: 0o640))
        #expect(rule.allows("/srv/iso/debian.iso", mode: 0o640))
        #expect(rule.allows("/srv/scratch/a/b.iso", mode: 0o600))
        #expect(!rule.allows("/srv/iso2/debian.iso", mode: 0o640))
        for path in [
            "/var/lib/aibuild-agent/attempts/x/output/a.qcow2", "/etc/aibuild/agent.yml",
            "/proc/1/environ", "/sys/kernel/notes", "/dev/sda",
        ] {
            #expect(!rule.allows(path, mode: 0o666), "\(path)")
        }
    }

    @Test("A sandbox has no path of the state folder but those of its attempt")
    func onlyOwnPaths() throws {
        let state = StateFolder("/var/lib/aibuild-agent")
        let folder = state.attempt(AttemptToken(high: 1, low: 2))
        var sandbox = Sandbox(
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
        // Only where guests run under it.
        #expect(arguments.contains("/dev/kvm"))
        sandbox.hidesKVM = true
        #expect(!sandbox.arguments(["./build"]).contains("/dev/kvm"))
    }

    @Test("The resolver of a sandbox keeps the host's search list and none of its servers")
    func resolverKeepsSearchList() {
        let text = AttemptNetwork.resolverConfiguration(
            host: "# x\nnameserver 127.0.0.53\r\nsearch example.org\noptions edns0\n")
        #expect(text == "nameserver 198.51.100.3\nsearch example.org\noptions edns0\n")
    }
}
