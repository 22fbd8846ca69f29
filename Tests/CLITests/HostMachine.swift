import Glibc
import HTTPTypes
import SSHKit
import Support
import Synchronization
import TestSupport

@testable import aibuild

/// A machine that is to become a host: a real sshd, whose logins find programs of their own for
/// what would change this machine: apt-get, systemctl and the like.
final class HostMachine: Sendable {
    let ssh: SSHServer
    let folder: String
    private let temporary: TemporaryFolder
    static let line =
        "restrict,command=\"aibuild-agent gate --config /etc/aibuild/agent.yml\" ssh-ed25519 AAAAK"

    init() async throws {
        var configuration = SSHServer.Configuration()
        temporary = try TemporaryFolder()
        folder = temporary.path
        let path = "\(folder)/bin:/usr/local/bin:/usr/bin:/bin"
        configuration.lines = ["SetEnv SHLVL=1 \"PATH=\(path)\" MACHINE=\(folder)"]
        ssh = try await SSHServer.start(configuration)
        for name in ["bin", "state"] { try Files.makeFolder("\(folder)/\(name)") }
        for (name, text) in Self.programs {
            let script = "#!/bin/sh\nstate=$MACHINE/state\n\(text)\n"
            try Files.replace("\(folder)/bin/\(name)", with: script.utf8, mode: 0o755)
        }
        try set("arch", "amd64")
        try set("free", "50000")
        try set("agent.yml", "slots: 2")
        try set("agent", FarmProgram.path("aibuild-agent"))
        try set("hostkeys", ssh.folder + "/host_ed25519")
        try Files.replace(
            "\(folder)/config",
            with: """
                Host *
                  BatchMode yes
                  IdentityFile \(ssh.keyFile())
                  IdentitiesOnly yes
                  UserKnownHostsFile \(folder)/known_hosts
                  GlobalKnownHostsFile /dev/null
                """.utf8)
        let key = try ssh.hostKey().description
        try Files.replace(
            "\(folder)/known_hosts", with: "[127.0.0.1]:\(ssh.port) \(key)\n".utf8)
    }

    var address: String { ssh.endpoint.description }
    var config: String { "\(folder)/config" }

    /// How its programs behave; see `programs`.
    func set(_ name: String, _ value: String) throws {
        try Files.replace("\(folder)/state/\(name)", with: (value + "\n").utf8)
    }

    func text(_ path: String) -> String {
        let bytes = (try? Files.read("\(folder)/\(path)", limitBytes: 1 << 20)) ?? []
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What was done to it, a line each.
    var calls: [String] { text("state/calls").split(separator: "\n").map(String.init) }
    var keys: String { text("home/.ssh/authorized_keys") }
    /// Temporary ones that it made.
    var folders: [String] { text("state/folders").split(separator: "\n").map(String.init) }
    var installed: String { text("state/installed") }

    /// Makes it a host already.
    func makeHost(version: String = "1.2.3-1", keys: String = line + "\n") throws {
        try set("installed", version)
        try set("active", "")
        try Files.makeFolder("\(folder)/home/.ssh")
        try Files.replace("\(folder)/home/.ssh/authorized_keys", with: keys.utf8)
    }

    private static let programs = [
        // What is made below the /tmp of all is known, and nothing else there.
        ("mktemp", "/usr/bin/mktemp \"$@\" | tee -a \"$state/folders\""),
        // 0 is root; sudo makes one of everybody. It asks three times, as the real one.
        (
            "id",
            "if [ -n \"$AS_ROOT\" ]; then echo 0; else cat \"$state/uid\" 2>/dev/null || echo 0; fi"
        ),
        (
            "sudo",
            """
            mode=$(cat "$state/sudo" 2>/dev/null)
            case "$1 $2" in
            "-n true") [ "$mode" = free ]; exit ;;
            "-n sh") [ "$mode" = free ] || exit 1; shift ;;
            *)
                shift 4
                for attempt in 1 2 3; do
                    IFS= read -r password || {
                        echo "sudo: no password was provided" >&2
                        exit 1
                    }
                    echo "$password" >>"$state/passwords"
                    [ "$password" != "$mode" ] || AS_ROOT=1 exec "$@"
                    echo "Sorry, try again." >&2
                done
                echo "sudo: 3 incorrect password attempts" >&2
                exit 1
                ;;
            esac
            AS_ROOT=1 exec "$@"
            """
        ),
        (
            "dpkg",
            """
            [ "$1" = --print-architecture ] || exec /usr/bin/dpkg "$@"
            cat "$state/arch"
            """
        ),
        (
            "dpkg-query",
            "[ ! -s \"$state/installed\" ] || echo \"installed $(cat \"$state/installed\")\""
        ),
        (
            "apt-get",
            """
            echo "apt-get $1" >>"$state/calls"
            for last; do :; done
            case $1 in
            install)
                [ ! -e "$state/broken" ] || { echo "E: Broken packages"; exit 100; }
                cat "$last" >"$state/package"
                echo "${last##*agent_}" | cut -d _ -f 1 >"$state/installed"
                mkdir -p "$MACHINE/home/.ssh"
                [ -e "$state/cannot-start" ] || touch "$state/active"
                ;;
            purge)
                [ ! -e "$state/cannot-purge" ] || exit 100
                rm -rf "$state/installed" "$state/active" "$MACHINE/home"
                ;;
            esac
            """
        ),
        (
            "systemctl",
            """
            case $1 in
            is-system-running) echo running ;;
            is-active)
                [ ! -p "$state/gate" ] || cat "$state/gate" >/dev/null
                [ -e "$state/active" ]
                ;;
            is-enabled) [ ! -e "$state/disabled" ] ;;
            enable) [ ! -e "$state/cannot-start" ] && touch "$state/active" ;;
            esac
            """
        ),
        // The real one, with settings of this machine.
        ("aibuild-agent", "exec \"$(cat \"$state/agent\")\" gate --config \"$state/agent.yml\""),
        ("journalctl", "echo 'agent.yml:3: unknown key colour'"),
        ("runuser", "shift 3; exec \"$@\""),
        ("sshd", "echo \"hostkey $(cat \"$state/hostkeys\")\""),
        ("df", "echo header; echo \"disk 1 1 $(cat \"$state/free\") 1% /\""),
        (
            "getent",
            """
            [ ! -s "$state/installed" ] || echo "_aibuild-agent:x:9:9::$MACHINE/home:/bin/sh"
            """
        ),
    ]
}

/// A coordinator with an agent package, whose hosts come and go.
final class HostFarm: Sendable {
    static let package = Array("the package of the agent".utf8)
    let coordinator: FakeCoordinator
    private let stored = SharedHosts()

    /// - Parameters:
    ///   - key: the one that it sees at the machine.
    ///   - state: of the host once it is added.
    ///   - storedKey: what it knows of its hosts, if not `key`.
    ///   - digest: what it says of its packages; by default, what is true.
    init(
        key: String, state: String = "ready", version: String = "1.2.3-1",
        packages: [String] = ["amd64"], added: [String: String] = [:],
        storedKey: String? = nil, digest: String? = nil
    ) throws {
        let stored = stored
        @Sendable func json(_ name: String, _ address: String) -> String {
            """
            {"name":"\(name)","address":"\(address)","state":"\(state)",\
            "hostKey":"\(storedKey ?? key)",\
            "detail":"login refused","slots":2,"accelerators":["tcg"],"running":0}
            """
        }
        stored.json.withLock {
            $0 = added.reduce(into: [:]) { $0[$1.key] = json($1.key, $1.value) }
        }
        let digest = digest ?? SHA256.hex(Self.package)
        let list = packages.map {
            """
            {"name":"aibuild-agent_\(version)_\($0).deb","version":"\(version)",\
            "architecture":"\($0)","sha256":"\(digest)","sizeBytes":24}
            """
        }
        let line = HostMachine.line.replacing("\"", with: "\\\"")
        let setup = """
            {"authorizedKey":"\(line)","packages":[\(list.joined(separator: ","))],\
            "unixMilliseconds":\(Clocks.unixMilliseconds())}
            """
        coordinator = try FakeCoordinator { router in
            router.say("GET", "/healthz", "{}")
            router.say("GET", "/readyz", "{}")
            router.say("GET", "/api/v1/version", #"{"version":"\#(CLI.version)","protocol":"1.2"}"#)
            router.say("GET", "/api/v1/host-setup", setup)
            router.on("GET", "/api/v1/host-setup/packages/{architecture}") { _, _ in
                .text(String(decoding: Self.package, as: UTF8.self))
            }
            router.say(
                "POST", "/api/v1/hosts/scan",
                "{\"address\":\"x\",\"hostKey\":\"\(key)\",\"fingerprint\":\"SHA256:seen\"}")
            router.on("POST", "/api/v1/hosts") { request, _ in
                struct Body: Decodable { var name, address: String }
                let body = try APIClient.decode(Body.self, Array(request.body))
                let host = json(body.name, body.address)
                stored.json.withLock { $0[body.name] = host }
                return .text(host, type: "application/json", status: 201)
            }
            router.on("GET", "/api/v1/hosts") { _, _ in
                let hosts = stored.json.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
                return .text("{\"items\":[\(hosts.joined(separator: ","))]}")
            }
            // Somebody else then removes the host.
            router.on("PUT", "/api/v1/hosts/{name}") { _, path in
                stored.json.withLock { $0[path["name"]] = nil }
                return .empty
            }
            for path in ["", "/drain", "/resume"] {
                router.on(path == "" ? "GET" : "POST", "/api/v1/hosts/{name}\(path)") { _, path in
                    guard let host = stored.look(path["name"]) else { throw Self.missing }
                    return .text(host, type: "application/json")
                }
            }
            router.on("DELETE", "/api/v1/hosts/{name}") { _, path in
                let host = stored.json.withLock { $0.removeValue(forKey: path["name"]) }
                guard host != nil else { throw Self.missing }
                return .empty
            }
        }
    }

    private final class SharedHosts: Sendable {
        let json = Mutex<[String: String]>([:])
        let drain = Mutex<String?>(nil)
        let running = Mutex(0)

        /// One build ends with each look.
        func look(_ name: String) -> String? {
            let running = running.withLock { running in
                defer { running = max(0, running - 1) }
                return running
            }
            let drain = drain.withLock { $0.map { ",\($0)" } ?? "" }
            return json.withLock { $0[name] }?
                .replacing("\"running\":0", with: "\"running\":\(running)\(drain)")
        }
    }

    /// Has its hosts run builds, of which one ends whenever a host is looked at.
    func run(builds: Int) { stored.running.withLock { $0 = builds } }

    /// Somebody has drained its hosts.
    func drainAll(note: String) {
        stored.drain.withLock { $0 = "\"drained\":true,\"drainNote\":\"\(note)\"" }
    }

    private static let missing = Problem.notFound("There is no host kvm1")

    /// What changed the farm.
    var changes: [String] {
        coordinator.lines.filter { !$0.hasPrefix("GET") && !$0.hasSuffix("/scan") }
    }
}
