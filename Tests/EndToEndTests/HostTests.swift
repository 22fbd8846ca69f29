import BuildProtocol
import HTTPClientKit
import SSHKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// Hosts that join, leave, misbehave or are misconfigured.
@Suite struct HostTests {
    @Test("A build of a lost host is retried on another, and its first attempt is cleaned up")
    func lostHostRetriesElsewhere() async throws {
        let setup = Farm.Setup {
            $0.hosts = 2
            $0.hostLostSeconds = 2
        }
        try await withFarm(setup) { farm in
            try await farm.script(
                "debian",
                """
                if mkdir \(farm.shared)/first; then
                    echo "first try"
                    while :; do sleep 1000; done
                fi
                \(Scripts.image())
                """)
            let build = try await farm.api.submit("debian")
            try await farm.api.logs(build, "first try")
            let name = try #require(try await farm.api.build(build.id).host)
            let lost = try #require(farm.hosts.first { $0.name == name })
            lost.killDaemon()
            _ = try await farm.api.host(name, is: "unreachable", saying: "daemon does not run")
            let passed = try await farm.api.end(of: build)
            #expect(passed.state == "passed")
            let other = farm.hosts.map(\.name).first { $0 != name } ?? ""
            #expect(passed.attempts?.map(\.summary) == ["\(name) host.lost", "\(other) passed"])
            // The log of the attempt that was lost is kept.
            let first = try #require(passed.attempts?.first)
            let log = try await farm.api.log(build, attempt: first.attempt)
            #expect(String(decoding: log, as: UTF8.self).contains("first try"))
            // The host returns: what it still runs is killed, and its folder is removed.
            #expect(!lost.attempts.isEmpty && !farm.buildProcesses().isEmpty)
            try lost.startDaemon()
            try await eventually("nothing is left") {
                lost.attempts.isEmpty && farm.buildProcesses().isEmpty
            }
        }
    }

    @Test("A drained host takes no builds until it is resumed")
    func drainedHostTakesNoBuilds() async throws {
        try await withFarm { farm in
            try await farm.script("debian", Scripts.image())
            #expect(try await farm.api.send("POST", "/api/v1/hosts/kvm0/drain").status == 200)
            let build = try await farm.api.submit("debian")
            let waiting = try #require(try await farm.api.build(build.id).waiting)
            #expect(waiting.position == 1)
            #expect(waiting.hosts.map(\.reason) == ["is drained"])
            let queue = FarmClient.text(try await farm.api.get("/api/v1/queue"))
            #expect(queue.contains(build.id) && queue.contains("is drained"))
            #expect(try await farm.api.send("POST", "/api/v1/hosts/kvm0/resume").status == 200)
            #expect(try await farm.api.end(of: build).state == "passed")
            #expect(try await farm.api.send("POST", "/api/v1/hosts/none/drain").status == 404)
        }
    }

    @Test("A busy host cannot be removed")
    func busyHostIsNotRemoved() async throws {
        try await withFarm { farm in
            try await farm.script(
                "debian", "echo begun; \(Scripts.gate(farm, "on")); \(Scripts.image())")
            let build = try await farm.api.submit("debian")
            try await farm.api.logs(build, "begun")
            let refused = try await farm.api.send("DELETE", "/api/v1/hosts/kvm0")
            #expect(refused.status == 409)
            #expect(try farm.api.problem(refused).detail.contains("drain it and wait"))
            try farm.open("on")
            #expect(try await farm.api.end(of: build).state == "passed")
            #expect(try await farm.api.send("DELETE", "/api/v1/hosts/kvm0").status == 204)
            #expect(try await farm.api.get("/api/v1/hosts/kvm0").status == 404)
        }
    }

    @Test("A build that no host can ever run fails at once and says why per host")
    func impossibleBuildFails() async throws {
        let setup = Farm.Setup {
            $0.hosts = 2
            $0.extraAgentLines = ["kvm1": ["tags: [ssd]"]]
        }
        try await withFarm(setup) { farm in
            try await farm.script(
                "debian", Scripts.image(), yaml: "requirements: {vcpus: 500, tags: [ssd]}\n")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "failed" && build.attemptCount == 0)
            #expect(build.fault?.code == "scheduler.impossible")
            let reason = build.fault?.reason ?? ""
            #expect(reason.contains("kvm0: lacks the tag ssd"), "\(reason)")
            #expect(reason.contains("kvm1: needs 500 vCPUs, the host has 8"), "\(reason)")
        }
    }

    // MARK: Keys

    /// An sshd with no algorithm in common with libssh2: the operator is shown what each side
    /// supports and what to change, both at the first scan and for a registered host.
    @Test(
        "A host without a common SSH algorithm is explained with its remedy",
        arguments: [
            ("Ciphers aes128-gcm@openssh.com", "aes128-ctr", true),
            ("MACs hmac-sha2-256-etm@openssh.com", "hmac-sha2-256", true),
            ("HostKeyAlgorithms rsa-sha2-512", "ssh-keygen -A", false),
        ])
    func missingAlgorithmsAreExplained(
        line: String, remedy: String, hasKey: Bool
    ) async throws {
        var server = SSHServer.Configuration()
        server.lines = [line]
        server.hostKeyTypes = hasKey ? ["ed25519"] : ["rsa"]
        let ssh = try await SSHServer.start(server)
        try await withFarm(.init { $0.registersHosts = false }) { farm in
            let address = ssh.endpoint.description
            let scan = try await farm.api.send(
                "POST", "/api/v1/hosts/scan",
                json: "{\"address\":\(FarmClient.quoted(address))}")
            #expect(scan.status == 502)
            let words = try farm.api.problem(scan).detail
            #expect(words.contains(remedy) && words.contains("sshd_config"), "\(words)")
            guard hasKey else { return }
            let added = try await farm.api.addHost(
                name: "other", address: address, hostKey: try ssh.hostKey().description)
            #expect(added.status == 201)
            _ = try await farm.api.host("other", is: "unreachable", saying: remedy)
        }
    }

    @Test("A host is added only with the host key that an admin confirmed")
    func hostKeyNeedsConfirmation() async throws {
        try await withFarm(.init { $0.registersHosts = false }) { farm in
            let host = farm.hosts[0]
            let scan = try await farm.api.send(
                "POST", "/api/v1/hosts/scan",
                json: "{\"address\":\(FarmClient.quoted(host.address))}")
            #expect(scan.status == 200)
            struct Scan: Decodable { var hostKey, fingerprint: String }
            let shown = try FarmClient.decode(Scan.self, scan)
            let key = try host.ssh.hostKey()
            #expect(shown.fingerprint == key.fingerprint)
            #expect(try SSHHostKey(shown.hostKey) == key)

            let without = try await farm.api.send(
                "POST", "/api/v1/hosts",
                json: "{\"name\":\"kvm0\",\"address\":\(FarmClient.quoted(host.address))}")
            #expect(without.status == 400)
            #expect(try farm.api.problem(without).detail.contains("'hostKey' is missing"))
            let nonsense = try await farm.api.addHost(
                name: "kvm0", address: host.address, hostKey: "nonsense")
            #expect(nonsense.status == 400)
            #expect(try farm.api.problem(nonsense).detail.contains("is no host key"))

            let added = try await farm.api.addHost(
                name: "kvm0", address: host.address, hostKey: shown.hostKey)
            #expect(added.status == 201)
            _ = try await farm.api.host("kvm0", is: "ready")
            let twice = try await farm.api.addHost(
                name: "kvm0", address: host.address, hostKey: shown.hostKey)
            #expect(twice.status == 409)
        }
    }

    @Test("A changed host key is refused before any login")
    func changedHostKeyIsRefused() async throws {
        try await withFarm(.init { $0.registersHosts = false }) { farm in
            let other = "\(farm.folder)/other"
            try await SSHServer.makeKey(other, "ed25519")
            let key = String(
                decoding: try Files.read(other + ".pub", limitBytes: 4096), as: UTF8.self)
            let added = try await farm.api.addHost(
                name: "kvm0", address: farm.hosts[0].address, hostKey: key)
            #expect(added.status == 201)
            let host = try await farm.api.host("kvm0", is: "unreachable", saying: "known here by")
            #expect(host.detail.contains(try farm.hosts[0].ssh.hostKey().fingerprint))
            #expect(farm.hosts[0].ssh.log.contains("Accepted") == false, "no login was tried")
        }
    }

    @Test("A host that refuses the coordinator's key points at authorized_keys")
    func refusedKeyIsExplained() async throws {
        try await withFarm(.init { $0.registersHosts = false }) { farm in
            try farm.hosts[0].allow("# nobody")
            try await farm.register(farm.hosts[0])
            let host = try await farm.api.host("kvm0", is: "unreachable", saying: "key")
            #expect(host.detail.contains("authorized_keys"), "\(host.detail)")
            try await farm.script("debian", Scripts.image())
            let build = try await farm.api.submit("debian")
            let waiting = try #require(try await farm.api.build(build.id).waiting)
            #expect(waiting.hosts.first?.reason.contains("authorized_keys") == true)
        }
    }

    // MARK: Responses of a host

    /// The report of the farm about a host whose forced command is the script instead of the gate.
    private func detail(
        _ script: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let setup = Farm.Setup {
            $0.registersHosts = false
            $0.gateScript = script
        }
        try await withFarm(setup) { farm in
            try await farm.register(farm.hosts[0])
            _ = try await farm.api.host("kvm0", is: "unreachable", saying: words)
        }
    }

    @Test("A host without an agent is named")
    func missingAgentIsNamed() async throws {
        try await detail(
            "exec aibuild-agent-which-is-not-installed gate",
            "kvm0 has no aibuild-agent in its PATH")
    }

    @Test("A key that is not forced to the gate gets the exact line of authorized_keys")
    func missingForcedCommand() async throws {
        try await detail(
            "echo 'aibuild-agent: missing option: --config FILE' >&2; exit 2",
            "restrict,command=\"aibuild-agent gate --config /etc/aibuild/agent.yml\" ssh-ed25519 "
                + "AAAA")
    }

    @Test("The message of a login shell that exits is shown")
    func shellMessageIsShown() async throws {
        try await detail("echo this account is disabled; exit 3", "this account is disabled")
    }

    @Test("A host without a running daemon is reported with the remedy")
    func missingDaemonIsNamed() async throws {
        let setup = Farm.Setup {
            $0.registersHosts = false
            $0.daemons = []
        }
        try await withFarm(setup) { farm in
            try await farm.register(farm.hosts[0])
            let host = try await farm.api.host(
                "kvm0", is: "unreachable", saying: "daemon does not run")
            #expect(host.detail.contains("start it: systemctl start aibuild-agent"))
            try farm.hosts[0].startDaemon()
            _ = try await farm.api.host("kvm0", is: "ready")
        }
    }

    @Test("An agent of a newer major version asks for an upgrade of the coordinator")
    func newerAgentIsRefused() async throws {
        let hello = """
            {"type":"hello","version":{"major":2,"minor":0},"agentVersion":"9","attempts":[],\
            "templates":[],"host":{"slots":1,"vcpus":1,"memoryBytes":1,"diskFreeBytes":1,\
            "diskTotalBytes":1,"accelerators":[],"tags":[],"baseImages":[],"unixMilliseconds":1,\
            "notices":[]}}
            """
        try await detail(
            "echo AIBUILD-AGENT-PROTOCOL; read -r line; echo '\(hello)'; read -r line",
            "the agent on kvm0 speaks protocol 2.0, the coordinator \(ProtocolVersion.current): "
                + "upgrade the coordinator")
    }

    @Test("An agent that refuses the coordinator's version is quoted")
    func agentRefusalIsShown() async throws {
        let error = """
            {"type":"error","code":"version","message":"upgrade the agent on kvm0"}
            """
        try await detail(
            "echo AIBUILD-AGENT-PROTOCOL; read -r line; echo '\(error)'",
            "upgrade the agent on kvm0")
    }

    @Test("A malformed hello is reported")
    func malformedHelloIsReported() async throws {
        try await detail(
            "echo AIBUILD-AGENT-PROTOCOL; read -r line; echo '{\"type\":\"hello\",\"version\":1}'",
            "malformed message: version")
    }

    @Test("A banner of the login shell does not disturb a build")
    func shellBannerIsSkipped() async throws {
        var setup = Farm.Setup()
        setup.gateScript = """
            echo "Welcome to kvm0"; echo; printf '\\033[1mprompt> \\033[0m'
            exec "$1" gate --config "$2"
            """
        try await withFarm(setup) { farm in
            // Template and image are transferred by separate gates, through the same shell.
            try await farm.script("debian", Scripts.image(3_000_000))
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "passed", "\(build)")
        }
    }
}
