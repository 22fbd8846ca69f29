import ProcessKit
import Support
import TestSupport
import Testing
import TextKit

@testable import DockerKit

/// The networks of container definitions, on a real engine.
@Suite struct NetworkTests {
    /// Answers on a port of its network while it runs.
    private static let server = [
        #"CMD ["/bin/sh","-c","trap exit TERM; while :; do nc -l -p 80 -e /bin/cat /version & "#
            + #"wait $!; done"]"#
    ]

    /// The tests' network on the engine, created once.
    private static let network = Task {
        let host = try await DockerHost.shared(2)
        try await host.makeNetwork()
        return host.network
    }

    private func networks(_ service: TestService) async throws -> String {
        try await service.host.run([
            "inspect", "--format",
            "{{.HostConfig.NetworkMode}}:"
                + "{{range $n, $_ := .NetworkSettings.Networks}} {{$n}}{{end}}", service.name,
        ]).split(separator: "\n").joined()
    }

    /// Both of docker-py's ways to specify it; the new container is reachable where the old one
    /// was.
    @Test(
        "The new container answers in the network of the old one",
        arguments: ["network", "network_mode"])
    func networkIsKept(key: String) async throws {
        let service = try await TestService(2)
        let network = try await Self.network.value
        let first = try await service.push("1", Self.server)
        let second = try await service.push("2", Self.server)
        let client = service.name + "-client"
        for (index, image) in [first, second].enumerated() {
            var keys: [String: JSON] = ["network_mode": .null]
            keys[key] = .string(network)
            try await service.deploy(image, id: "r\(index)", keys)
            #expect(try await networks(service) == "\(network): \(network)")
            if index == 0 {
                try await service.host.run([
                    "run", "--detach", "--name", client, "--network", network,
                    first.description, "/bin/sh", "-c", "while :; do sleep 1; done",
                ])
            }
            // By its name, as the network's other containers do.
            let answer = try await eventually("the service answers") { () -> String? in
                let said = try await service.host.docker([
                    "exec", client, "nc", "-w", "5", service.name, "80",
                ])
                return said.stdout.isEmpty ? nil : said.stdoutText
            }
            #expect(answer == "\(index + 1)")
        }
        try await service.host.run(["rm", "-f", service.name, client])
    }

    @Test("The network of another container can be shared")
    func containerNetworkIsShared() async throws {
        let service = try await TestService(2)
        let network = try await Self.network.value
        let image = try await service.push("1")
        _ = try await service.engine.pull(image, credentials: nil)
        let other = service.name + "-other"
        let id = try await service.host.run([
            "run", "--detach", "--name", other, "--network", network, image.description,
        ]).split(separator: "\n").joined()
        try await service.deploy(image, id: "r1", ["network_mode": .string("container:\(other)")])
        #expect(try await networks(service) == "container:\(id):")
        try await service.host.run(["rm", "-f", service.name, other])
    }

    /// As deployment scripts write it: the engine's default when nothing is specified.
    @Test("The network modes default, host and none work")
    func standardNetworkModesWork() async throws {
        let service = try await TestService(2)
        let image = try await service.push("1")
        for (index, mode) in ["default", "host", "none"].enumerated() {
            try await service.deploy(image, id: "r\(index)", ["network_mode": .string(mode)])
            #expect(try await networks(service).hasPrefix(mode + ":"))
        }
        try await service.host.run(["rm", "-f", service.name])
    }

    @Test("A missing network rolls back to the old container")
    func missingNetworkRollsBack() async throws {
        let service = try await TestService(2)
        let first = try await service.push("1")
        let second = try await service.push("2")
        try await service.deploy(first, id: "r1")
        let nowhere = "nowhere" + service.name
        let error = try await failure {
            try await service.deploy(second, id: "r2", ["network_mode": .string(nowhere)])
        }
        #expect(error.isPermanent)
        #expect(error.description.contains("network \(nowhere) not found"), "\(error.description)")
        #expect(try await service.version() == "1")
        #expect(try await service.containers() == ["\(service.name) running"])
        try await service.host.run(["rm", "-f", service.name])
    }
}
