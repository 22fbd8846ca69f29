import Glibc
import SQLKit
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// Startup errors of the coordinator and the agent, and full disks.
@Suite struct StartTests {
    /// Starts a coordinator that should fail at once. - Returns: its last output.
    private func refusal(_ farm: Farm, arguments: [String] = []) async throws -> String {
        let program = try FarmProgram(
            "aibuild-coordinator", ["--config", farm.configPath] + arguments,
            logPath: "\(farm.folder)/second.log")
        let status = try await program.exit()
        #expect(status == .exited(1), "\(program.log)")
        return program.log
    }

    private func unstarted(_ body: (Farm) async throws -> Void) async throws {
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.startsCoordinator = false
        }
        try await withFarm(setup) { farm in
            try farm.writeConfiguration(port: try LoopbackPort.free())
            try await body(farm)
        }
    }

    @Test("A taken port is named with the program that holds it")
    func takenPortIsNamed() async throws {
        try await withFarm(.withoutHosts) { farm in
            // Another farm's files with this one's port.
            try await farm.shell(
                "sed 's/coordinator$/other/; s/www$/www2/' coordinator.yml > other.yml")
            let program = try FarmProgram(
                "aibuild-coordinator", ["--config", "\(farm.folder)/other.yml"],
                logPath: "\(farm.folder)/second.log")
            #expect(try await program.exit() == .exited(1))
            let log = program.log
            #expect(log.contains("\(farm.port)") && log.contains("--port"), "\(log)")
            #expect(log.contains("aibuild-coordin"), "it says who has it: \(log)")
            #expect(try await farm.api.get("/readyz").status == 200)
        }
    }

    @Test("check tells a sound configuration from a broken one, and starts nothing")
    func checkedConfiguration() async throws {
        try await unstarted { farm in
            func check() async throws -> (ProcessKit.ExitStatus, String) {
                let program = try FarmProgram(
                    "aibuild-coordinator", ["check-config", "--config", farm.configPath],
                    logPath: "\(farm.folder)/check.log")
                return (try await program.exit(), program.log)
            }
            let sound = try await check()
            #expect(sound.0 == .exited(0), "\(sound.1)")
            #expect(sound.1.contains("\(farm.configPath) is sound"))
            #expect(!Files.exists(farm.stateFolder + "/aibuild.sqlite"))
            try await farm.shell("echo 'hoks: {}' >> coordinator.yml")
            let broken = try await check()
            #expect(broken.0 == .exited(1) && broken.1.contains("'hoks'"), "\(broken.1)")
        }
    }

    @Test("A port that two servers would have is refused with the places of both keys")
    func sharedPort() async throws {
        try await unstarted { farm in
            let path = "\(farm.folder)/ports.yml"
            func run(_ api: String, _ arguments: [String]) async throws -> (
                ProcessKit.ExitStatus, String
            ) {
                let log = "\(farm.folder)/ports.log"
                try? Files.remove(log)
                try Files.replace(
                    path, with: "state_folder: \(farm.folder)/p\napi:\n  \(api)\n".utf8)
                let program = try FarmProgram(
                    "aibuild-coordinator", arguments + ["--config", path], logPath: log)
                return (try await program.exit(), program.log)
            }
            let (first, second) = ("{listen: 127.0.0.1, port: 98}", "{listen: 127.0.0.2, port: 98}")
            for (api, key, other) in [
                (
                    "port: 98\n  metrics: {port: 98}", "4:19: key 'api.metrics.port'",
                    "api.port (3:9)"
                ),
                (
                    "metrics: {listen: localhost, port: 9753}", "3:38: key 'api.metrics.port'",
                    "api.port (its default)"
                ),
                (
                    "metrics: \(first)\n  images: {listen: 0.0.0.0, port: 98, insecure: true}",
                    "4:35: key 'api.images.port'", "api.metrics.port (3:38)"
                ),
                (
                    "metrics: {listen: \"::\", port: 98, insecure: true}\n  images: \(second)",
                    "4:37: key 'api.images.port'", "api.metrics.port (3:33)"
                ),
            ] {
                let (status, log) = try await run(api, ["check-config"])
                let place = other.replacing("(", with: "(\(path):")
                    .replacing("\(path):its", with: "its")
                #expect(status == .exited(1), "\(api): \(log)")
                #expect(
                    log.contains("\(path):\(key): ")
                        && log.contains("is the port of \(place) as well"),
                    "\(log)")
            }
            for api in [
                "port: 0\n  metrics: {port: 0}", "metrics: \(first)\n  images: \(second)",
                "port: 98\n  metrics: {listen: \"::1\", port: 98}",
            ] {
                let (status, log) = try await run(api, ["check-config"])
                #expect(status == .exited(0), "\(api): \(log)")
            }
            // Not checked only: it does not start, and not by the command line either.
            let started = try await run("port: 98\n  metrics: {port: 98}", [])
            #expect(started.0 == .exited(1) && started.1.contains("as well"), "\(started.1)")
            let given = try await run("metrics: \(first)", ["--port", "98"])
            #expect(given.0 == .exited(1), "\(given.1)")
            #expect(given.1.contains("--port 98 is the port of api.metrics.port ("), "\(given.1)")
            // The port of the file does not count then, and only the others differ.
            let both = "port: 98\n  metrics: {port: 98}\n  images: {port: 98}"
            let rescued = try await run(both, ["--port", "97"])
            #expect(rescued.1.contains("5:18: key 'api.images.port'"), "\(rescued.1)")
            #expect(rescued.1.contains("is the port of api.metrics.port ("), "\(rescued.1)")
        }
    }

    @Test("A second coordinator on one SQLite file is refused")
    func secondCoordinatorOnSQLiteIsRefused() async throws {
        try await withFarm(.withoutHosts) { farm in
            let words = try await refusal(
                farm, arguments: ["--port", "\(try LoopbackPort.free())"])
            #expect(words.contains("is in use by another program"), "\(words)")
            #expect(words.contains("\(farm.stateFolder)/aibuild.sqlite"), "\(words)")
            let pid = try #require(farm.coordinator?.pid)
            #expect(words.contains("process \(pid)"), "\(words)")
            #expect(try await farm.api.get("/readyz").status == 200)
        }
    }

    @Test("An unreachable database is named without its password")
    func unreachableDatabaseIsNamed() async throws {
        try await unstarted { farm in
            let port = try LoopbackPort.free()
            let password = "\(farm.folder)/password"
            try Files.replace(password, with: "secret-word".utf8, mode: 0o600)
            try await farm.shell(
                """
                echo 'database: {engine: mariadb, port: \(port), password_file: \(password)}' \\
                    >> coordinator.yml
                """)
            let words = try await refusal(farm)
            #expect(words.contains("127.0.0.1") && words.contains("\(port)"), "\(words)")
            #expect(words.lowercased().contains("mariadb"), "\(words)")
            #expect(!words.contains("secret-word"))
        }
    }

    @Test("A web root that is a file is named")
    func webRootThatIsFile() async throws {
        try await unstarted { farm in
            try Files.remove(farm.webRoot)
            try Files.replace(farm.webRoot, with: "a file".utf8)
            let words = try await refusal(farm)
            #expect(words.contains(farm.webRoot), "\(words)")
        }
    }

    @Test("A read-only web root is named") func readOnlyWebRoot() async throws {
        try #require(getuid() == 0, "only root may mount")
        try await unstarted { farm in
            try await farm.shell("mount -t tmpfs -o ro tmpfs \(farm.webRoot)")
            let words = try await refusal(farm)
            #expect(words.contains(farm.webRoot), "\(words)")
        }
    }

    static let mistakes: [(line: String, words: [String])] = [
        ("web_rot: /x", ["web_rot", "web_root"]),
        ("limits: {host_lost: soon}", ["host_lost", "soon"]),
        (
            "limits: {host_lost: 9223372036854775807s}",
            ["yml:2:21: ", "host_lost", "at most 36525d"]
        ),
        ("limits: {host_lots: 5s}", ["host_lots", "host_lost"]),
        ("database: {engine: oracle}", ["engine", "oracle", "mariadb"]),
        ("database: {engine: mariadb}", ["password_file"]),
        (
            "database: {engine: mariadb, password_file: /dev/null, tls: {ca_file: /none}}",
            ["database.tls.ca_file", "/none"]
        ),
        (
            "database: {engine: mariadb, password_file: /dev/null, "
                + "tls: {ca_file: /dev/null, key_file: /dev/null}}", ["certificate_file"]
        ),
        (
            "database: {engine: mariadb, password_file: /dev/null, socket: /s, "
                + "tls: {ca_file: /dev/null}}", ["database.tls", "not for socket"]
        ),
    ]

    @Test("Errors in coordinator.yml name their line")
    func coordinatorErrorsAreLocated() async throws {
        try await unstarted { farm in
            let good = "state_folder: \(farm.stateFolder)\n"
            for (line, words) in Self.mistakes {
                try Files.replace(farm.configPath, with: (good + line + "\n").utf8)
                try? Files.remove("\(farm.folder)/second.log")
                let said = try await refusal(farm)
                #expect(said.contains("coordinator.yml:2:"), "\(said)")
                for word in words { #expect(said.contains(word), "\(said)") }
            }
            for (text, place) in [("api: {port: 99999}\n", "1:13"), ("a: b\nnonsense\n", "3:1")] {
                try Files.replace(farm.configPath, with: text.utf8)
                try? Files.remove("\(farm.folder)/second.log")
                #expect(try await refusal(farm).contains("coordinator.yml:\(place)"))
            }
        }
    }

    @Test("Errors in agent.yml name line, column and key")
    func agentErrorsAreLocated() async throws {
        try await unstarted { farm in
            let path = "\(farm.folder)/agent.yml"
            for (line, words) in [
                ("slots: many", ["agent.yml:2:8", "slots", "many"]),
                ("slot: 2", ["agent.yml:2:1", "slot", "slots"]),
                ("tags: [\"a b\"]", ["agent.yml:2:8", "tag"]),
                ("accelerator: xen", ["agent.yml:2:14", "xen"]),
                ("packer: ./bin/packer", ["agent.yml:2:9", "packer"]),
            ] {
                try Files.replace(path, with: "state_folder: \(farm.folder)/a\n\(line)\n".utf8)
                try? Files.remove("\(farm.folder)/agent.log")
                let program = try FarmProgram(
                    "aibuild-agent", ["daemon", "--config", path],
                    logPath: "\(farm.folder)/agent.log")
                #expect(try await program.exit() == .exited(78))
                for word in words { #expect(program.log.contains(word), "\(program.log)") }
            }
        }
    }

    @Test("Wrong arguments of the coordinator are named")
    func wrongArgumentsAreNamed() async throws {
        try await unstarted { farm in
            for (name, line, words) in [
                (
                    "aibuild-coordinator", "--prot 1",
                    "unknown option '--prot'; did you mean '--port'?"
                ),
                ("aibuild-coordinator", "--port=x", "--port: expected a number from 0 to 65535"),
                ("aibuild-coordinator", "--config", "--config needs a value: --config FILE"),
                ("aibuild-coordinator", "db migrat", "did you mean 'db migrate'?"),
                ("aibuild-coordinator", "serve", "unknown command 'serve'"),
                ("aibuild-agent", "deamon", "unknown command 'deamon'; did you mean 'daemon'?"),
                ("aibuild-agent", "daemon --confg=f", "did you mean '--config'?"),
                ("aibuild-fetch", "", "missing argument: REQUEST-FILE"),
                ("aibuild", "biuld", "unknown command 'biuld'; did you mean 'build'?"),
            ] {
                let log = "\(farm.folder)/third.log"
                try Files.replace(log, with: [])
                let program = try FarmProgram(
                    name, line.split(separator: " ").map(String.init), logPath: log)
                #expect(try await program.exit() == .exited(2), "\(name) \(line)")
                #expect(program.log.hasPrefix("\(name): "), "\(program.log)")
                #expect(program.log.contains(words), "\(program.log)")
                #expect(program.log.hasSuffix(" --help\n"), "\(program.log)")
            }
        }
    }

    // MARK: Full disks

    private func onSmallWebRoot(_ size: String, _ body: (Farm) async throws -> Void) async throws {
        try #require(getuid() == 0, "only root may mount")
        try await withFarm(.init { $0.webRootTmpfs = size }, body)
    }

    @Test("A full web root keeps builds in the queue, with the reason")
    func fullWebRootHoldsBuilds() async throws {
        try await onSmallWebRoot("1m") { farm in
            try await farm.script(
                "debian", Scripts.image(), yaml: "requirements: {memory: 64MiB, disk: 2MiB}\n")
            let build = try await farm.api.submit("debian")
            let waiting = try #require(try await farm.api.build(build.id).waiting)
            #expect(waiting.summary.contains("the web root has"), "\(waiting)")
            #expect(waiting.remedy == "free space on the web root's disk")
            try await farm.shell("mount -o remount,size=16m \(farm.webRoot)")
            #expect(try await farm.api.end(of: build).state == "passed")
        }
    }

    @Test("A web root that fills up delays the pull and costs no attempt")
    func fullWebRootDelaysPull() async throws {
        try await onSmallWebRoot("8m") { farm in
            try await farm.script(
                "debian", "\(Scripts.gate(farm, "on")); \(Scripts.image(4_000_000))",
                yaml: "requirements: {memory: 64MiB, disk: 6MiB}\n")
            let build = try await farm.api.submit("debian")
            _ = try await farm.api.wait(build, for: "running") {
                $0.state == "building"
            }
            // Not by builds: they reserve what they need.
            try await farm.shell("head -c 6000000 /dev/zero >\(farm.webRoot)/filler")
            try farm.open("on")
            let waiting = try await farm.api.wait(build, for: "waiting for room") {
                $0.phase?.contains("waiting to pull") == true
            }
            #expect(waiting.state == "collecting")
            #expect(waiting.phase?.contains("disk is full") == true, "\(waiting)")
            try await farm.shell("mount -o remount,size=16m \(farm.webRoot)")
            let passed = try await farm.api.end(of: build)
            #expect(passed.state == "passed", "\(passed)")
            #expect(passed.attempts?.count == 1)
        }
    }

    @Test("A full disk of the database is told by /readyz, until it has room again")
    func fullDatabaseDisk() async throws {
        try #require(getuid() == 0, "only root may mount")
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.startsCoordinator = false
        }
        try await withFarm(setup) { farm in
            try Files.makeFolder(farm.stateFolder)
            try await farm.shell("mount -t tmpfs -o size=32m tmpfs \(farm.stateFolder)")
            try await farm.startCoordinator()
            #expect(try await farm.api.get("/readyz").status == 200)
            try await farm.shell("head -c 64M /dev/zero >\(farm.stateFolder)/filler || true")
            try await eventually("the full disk is told") {
                let answer = try? await farm.api.get("/readyz")
                return answer?.status == 503
                    && String(decoding: answer?.body ?? [], as: UTF8.self)
                        .contains("The store cannot be written")
            }
            try Files.remove(farm.stateFolder + "/filler")
            try await eventually("the disk has room") {
                try await farm.api.get("/readyz").status == 200
            }
        }
    }
}
