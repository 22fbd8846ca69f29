import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import TextKit
import Testing

/// What a hostile template can reach: each test is an attack that would succeed without isolation.
@Suite struct IsolationTests {
    /// Runs a script as a build and returns what it printed.
    private func output(
        _ agent: TestAgent, _ client: TestClient, _ script: String, baseImage: BaseImage? = nil
    ) async throws -> [String] {
        let start = agent.start(try await agent.deliver(script: script), baseImage: baseImage)
        let built = try await client.build(start)
        #expect(built.fault == nil, "\(built.texts)")
        return built.texts
    }

    /// Ends a script with a file, so that the build passes.
    private let pass = "\necho x > \"$AIBUILD_OUTPUT/a.raw\"\n"

    @Test("A build sees neither the agent's socket nor anything else of its state")
    func stateIsOutOfSight() async throws {
        try await withAgent { agent, client in
            let root = agent.state.root
            let lines = try await output(
                agent, client,
                """
                for path in agent.sock epoch lock probe.json; do
                    [ -e "\(root)/$path" ] && echo "sees $path"
                done
                echo "attempts: $(ls \(root)/attempts | wc -l)"
                cd .. && echo "own: $(ls | tr '\\n' ' ')"
                touch result.json && echo "forged" ; cat start.json > /dev/null && echo "start"
                """ + pass)
            #expect(!lines.contains { $0.hasPrefix("sees ") }, "\(lines)")
            #expect(lines.contains("attempts: 1"))
            let token = try #require(lines.first { $0.hasPrefix("own: ") })
            for file in ["log.ndjson", "control", "lock", "phase.json"] {
                #expect(!token.contains(file), "\(token)")
            }
        }
    }

    @Test("A forged result in the build's view of its folder changes nothing")
    func forgedResultIsIgnored() async throws {
        try await withAgent { agent, client in
            let start = agent.start(
                try await agent.deliver(
                    script: """
                        echo '{"type":"finished"}' > ../result.json; echo > ../control/forget
                        exit 3
                        """))
            let built = try await client.build(start)
            #expect(built.fault?.code == .commandFailed)
            #expect(built.finished.outcome.exitCode == 3)
        }
    }

    @Test("A build sees no process but its own, and cannot stop its supervisor")
    func processesAreOutOfSight() async throws {
        try await withAgent { agent, client in
            let lines = try await output(
                agent, client,
                """
                echo "parent: $PPID"
                for pid in /proc/[0-9]*; do tr '\\0' ' ' < $pid/cmdline; echo; done
                kill -STOP 1 && echo "sent to the first"
                """ + pass)
            #expect(!lines.contains { $0.contains("supervise") || $0.contains("daemon") })
        }
    }

    @Test("A template that stops its parent ends with its time limit")
    func stoppedParentEnds() async throws {
        try await withAgent { agent, client in
            let start = agent.start(
                try await agent.deliver(script: "kill -STOP $PPID; sleep 1000"),
                limits: AttemptLimits(totalSeconds: 2, silenceSeconds: 100))
            let built = try await client.build(start)
            #expect(built.fault?.code == .timeoutTotal)
            #expect(agent.processes(start.attempt).isEmpty)
        }
    }

    @Test("Processes that left session, group and environment end with the build")
    func namespaceEndsAll() async throws {
        try await withAgent { agent, client in
            let mark = "aibuild-left-\(UInt32.random(in: .min ... .max))"
            _ = try await output(
                agent, client,
                """
                (setsid env -i /bin/sh -c 'exec -a \(mark) sleep 1000' &) 2>/dev/null
                (setsid env -i /bin/bash -c 'exec -a \(mark) sleep 1000' &)
                """ + pass)
            let left = ProcessTable.all().filter { process in
                let line = try? Files.read("/proc/\(process.pid)/cmdline", limitBytes: 4096)
                return line.map { String(decoding: $0, as: UTF8.self).contains(mark) } ?? false
            }
            #expect(left.isEmpty)
        }
    }

    @Test("The system is read-only, and settings of the agent are out of sight")
    func systemIsReadOnly() async throws {
        try await withAgent { agent, client in
            let lines = try await output(
                agent, client,
                """
                for path in /usr/bin/x /etc/x /x /var/x /proc/sys/kernel/hostname; do
                    { echo y > $path; } 2>/dev/null && echo "wrote $path"
                done
                [ -e \(agent.configurationFile) ] && echo "sees the configuration"
                [ -e /root ] || [ -e /home ] && echo "sees homes"
                mount -t tmpfs none /mnt 2>/dev/null && echo mounted
                unshare -Ur true 2>/dev/null && echo "made a namespace"
                id -u; grep CapEff /proc/self/status
                """ + pass)
            #expect(!lines.contains { $0.hasPrefix("wrote /usr") || $0.hasPrefix("wrote /etc") })
            #expect(!lines.contains("wrote /proc/sys/kernel/hostname"))
            for line in ["sees the configuration", "sees homes", "mounted", "made a namespace"] {
                #expect(!lines.contains(line), "\(lines)")
            }
            #expect(lines.contains { $0.hasPrefix("CapEff:") && $0.hasSuffix("0000000000000000") })
        }
    }

    @Test("A build reaches no loopback, link-local or own address of the host")
    func hostIsOutOfReach() async throws {
        let listener = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        let port = try LoopbackPort.free()
        #expect(LoopbackSocket.bind(listener.raw, port: port, toAllAddresses: true))
        #expect(listen(listener.raw, 16) == 0)
        try await withAgent { agent, client in
            let own = Namespaces.ownAddresses()
            let lines = try await output(
                agent, client,
                """
                try() { timeout 3 bash -c "echo GET > /dev/tcp/$1/\(port)" 2>/dev/null \\
                    && echo "reached $1"; }
                for address in 127.0.0.1 198.51.100.2 169.254.169.254 \
                    \(own.joined(separator: " ")); do try $address; done
                cat /etc/resolv.conf
                """ + pass)
            #expect(!lines.contains { $0.hasPrefix("reached") }, "\(lines)")
            #expect(own.contains("127.0.0.1"))
        }
        #expect(try Wait.readable([listener.raw], timeoutMilliseconds: 0) == [false])
    }

    @Test("A base image is not fetched from what only the host reaches, nor by a redirect to it")
    func baseImagesAreFetchedAsBuildsReach() async throws {
        let metadata = try MirrorServer([1, 2, 3]) { _, _ in .file }
        let listed = try MirrorServer([], address: 0x7F00_0009) { _, _ in
            .redirect("http://127.0.0.1:\(metadata.port)/token.img")
        }
        let settings = TestAgent.withoutQEMU + "base_image_networks: [127.0.0.9]\n"
        try await withAgent(settings) { agent, client in
            let template = try await agent.deliver(script: "cat \"$AIBUILD_BASE_IMAGE\"" + pass)
            for url in [
                metadata.url("/token.img"), "http://localhost:\(metadata.port)/token.img",
                "http://0.0.0.0:\(metadata.port)/token.img",
                "http://[::ffff:127.0.0.1]:\(metadata.port)/token.img",
                "http://2130706433:\(metadata.port)/token.img",
                "http://127.0.0.9:\(listed.port)/token.img",
            ] {
                let image = BaseImage(url: url, sha256: nil)
                let built = try await client.build(agent.start(template, baseImage: image))
                #expect(built.fault != nil, "\(url)")
                if !url.contains("[") {
                    #expect(built.fault?.class == .template, "\(url): \(built.texts)")
                    #expect(built.fault?.reason.contains("is closed") == true, "\(url)")
                }
            }
            #expect(metadata.requests == [])
            #expect(listed.requests.count == 1)
        }
    }

    @Test("A base image is no file that only the agent's user can read")
    func baseImagesAreNoSecrets() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(script: "cat \"$AIBUILD_BASE_IMAGE\"" + pass)
            let secret = agent.folder.path + "/secret"
            try Files.replace(secret, with: Array("hidden".utf8), mode: 0o600)
            let shown = agent.state.root + "/attempts/shown.img"
            try Files.replace(shown, with: Array("hidden".utf8), mode: 0o644)
            let link = agent.folder.path + "/link.img"
            #expect(symlink(shown, link) == 0)
            for path in [secret, shown, link] {
                let image = BaseImage(url: "file://" + path, sha256: nil)
                let built = try await client.build(agent.start(template, baseImage: image))
                #expect(built.fault?.code == .baseImageMissing, "\(path): \(built.texts)")
                #expect(built.fault?.reason.contains("is not open to builds") == true)
                #expect(!built.texts.contains("hidden"))
            }
        }
    }

    @Test("A program starts once its network is there, however long that takes")
    func programsWaitForTheirNetwork() async throws {
        let folder = try TemporaryFolder()
        let slow = "#!/bin/sh\nsleep 1\nPATH=/usr/sbin:/usr/bin exec slirp4netns \"$@\"\n"
        try Files.replace(folder.path + "/slirp4netns", with: Array(slow.utf8), mode: 0o755)
        // Its folder is the first that is searched.
        let settings = TestAgent.withoutQEMU + "packer: \(folder.path)/packer\n"
        try await withAgent(settings) { agent, client in
            let lines = try await output(agent, client, "ip -br a" + pass)
            #expect(lines.contains { $0.contains(" 198.51.100.100/24") }, "\(lines)")
        }
    }

    @Test("Without a network, a build has a loopback interface of its own only")
    func offlineHasLoopbackOnly() async throws {
        try await withAgent(TestAgent.withoutQEMU + "network: none\n") { agent, client in
            let lines = try await output(agent, client, "ls /sys/class/net; ip -br a" + pass)
            #expect(!lines.contains { $0.contains("tap0") })
        }
    }

    /// A machine of its own, with a server at each address of a network that is none of its
    /// interfaces'.
    @Test(
        "A build reaches the networks that are listed, and no other",
        arguments: [
            ("network: listed\nnetworks: [203.0.113.0/25]\n", ["203.0.113.5"]),
            ("network: all\n", ["203.0.113.5", "203.0.113.200"]), ("network: none\n", []),
        ])
    func networkPolicy(settings: String, reached: [String]) async throws {
        let agent = try TestAgent(TestAgent.withoutQEMU + settings)
        let network = """
            ip link set lo up
            ip route add local 203.0.113.0/24 dev lo
            python3 -m http.server --bind 0.0.0.0 7000 >/dev/null 2>&1 &
            until bash -c '</dev/tcp/203.0.113.5/7000' 2>/dev/null; do :; done
            """
        try await agent.serve(network: network) {
            let lines = try await output(
                agent, try await agent.connect(),
                """
                for address in 203.0.113.5 203.0.113.200 127.0.0.1 10.0.2.2; do
                    timeout 3 bash -c "exec 3<>/dev/tcp/$address/7000
                        printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3
                        grep -q '200 OK' <&3" 2>/dev/null && echo "reached $address"
                done
                """ + pass)
            #expect(
                lines.filter { $0.hasPrefix("reached") } == reached.map { "reached \($0)" },
                "\(lines)")
        }
    }

    @Test("Two builds on one host take the same ports and displays")
    func portsDoNotCollide() async throws {
        try await withAgent(TestAgent.withoutQEMU + "slots: 2\n") { agent, client in
            let script = """
                python3 -c '
                import socket, time
                s = socket.socket(); s.bind(("127.0.0.1", 5900)); s.listen()
                print("bound", flush=True); time.sleep(1000)'
                """
            let first = try await agent.begin(client, script, until: "bound")
            let other = try await agent.connect()
            let second = try await agent.begin(other, script, until: "bound")
            for build in [first, second] {
                try await client.send(.cancel(Cancel(attempt: build.token, reason: "seen")))
            }
        }
    }

    @Test("A host that cannot isolate says so, and takes no build")
    func hostWithoutIsolationTakesNothing() async throws {
        let without = TestAgent.withoutQEMU + "isolation: none\n"
        try await withAgent(without) { agent in
            let hello = try await TestClient(agent.state.socket).greet()
            #expect(hello.host.notices.contains { $0.hasPrefix("builds are not isolated") })
            #expect(hello.host.slots > 0)
        }
        let agent = try TestAgent()
        try await agent.serve(withoutNamespaces: true) {
            let client = try await TestClient(agent.state.socket)
            let hello = try await client.greet()
            let notice = hello.host.notices.joined()
            #expect(notice.contains("takes no builds") && notice.contains("isolation: none"))
            #expect(hello.host.slots == 0)
            try await client.send(.start(agent.start(try await agent.deliver(script: "true"))))
            guard case .error(let refused) = try await client.answer() else {
                throw Failure("the build was started")
            }
            #expect(refused.code == .refused && refused.message.contains("bubblewrap"))
        }
    }
}
