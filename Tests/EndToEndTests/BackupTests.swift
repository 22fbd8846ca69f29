import Glibc
import HTTPClientKit
import ProcessKit
import SQLKit
import Support
import TestSupport
import Testing

/// `aibuild-coordinator backup` and `restore`, with a real coordinator, agent and database.
@Suite struct BackupTests {
    private func setup(_ engine: String) async throws -> Farm.Setup {
        var setup = Farm.Setup()
        if engine == "mariadb" {
            setup.database = try await MariaDBServer.shared().makeDatabase()
        }
        return setup
    }

    /// - Returns: the folder of the backup.
    private func backup(_ farm: Farm, _ options: String...) async throws -> String {
        let (status, words) = try await farm.coordinatorCommand(
            ["backup", "\(farm.folder)/backups"] + options)
        try #require(status == .exited(0), "\(words)")
        let name = try #require(words.split(separator: "\n").last?.split(separator: " ").last)
        return String(name)
    }

    private func restore(_ farm: Farm, _ folder: String, _ options: String...) async throws {
        let (status, words) = try await farm.coordinatorCommand(["restore", folder] + options)
        try #require(status == .exited(0), "\(words)")
    }

    private func restoreIsRefused(
        _ farm: Farm, _ folder: String, _ options: String...
    ) async throws -> String {
        let (status, words) = try await farm.coordinatorCommand(["restore", folder] + options)
        #expect(status == .exited(1), "\(words)")
        return words
    }

    @Test(
        "A backup while a build runs is restored, and the build goes on",
        arguments: ["sqlite", "mariadb"])
    func buildInFlight(engine: String) async throws {
        try await withFarm(try await setup(engine)) { farm in
            let ended = try #require(try await farm.imageBuilds(1).first)
            let log = try await farm.api.log(ended)
            try await farm.script(
                "other",
                """
                seq 1 500; echo begun; \(Scripts.gate(farm, "on"))
                seq 501 1000; \(Scripts.image(2_000_000))
                """)
            let build = try await farm.api.submit("other")
            try await farm.api.logs(build, "begun")
            let folder = try await backup(farm)
            #expect(Files.mode(folder) == 0o700)
            let lost = try await farm.api.submit("debian")
            _ = try await farm.api.end(of: lost)

            try await farm.stopCoordinator()
            try await farm.loseEverything()
            try await restore(farm, folder)
            try await farm.startCoordinator(keepingPort: true)

            #expect(try await farm.api.log(ended) == log)
            #expect(try await farm.api.get("/api/v1/builds/\(lost.id)").status == 404)
            _ = try await farm.api.host("kvm0", is: "ready")
            try farm.open("on")
            let passed = try await farm.api.end(of: build)
            try #require(passed.state == "passed", "\(passed)")
            #expect(passed.attempts?.map(\.summary) == ["kvm0 passed"], "it was not begun anew")
            let whole = try await farm.api.log(build)
            #expect(passed.attempts?.last?.logSHA256 == SHA256.hex(whole))
            // The image of the lost build is still there: its number is not given again.
            let next = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(next.image?.path.hasSuffix("_3.raw") == true, "\(next)")
        }
    }

    @Test(
        "A build whose host has ended it since the backup is retried",
        arguments: ["sqlite", "mariadb"])
    func buildEndedSince(engine: String) async throws {
        try await withFarm(try await setup(engine)) { farm in
            let build = try await farm.gatedBuild()
            let folder = try await backup(farm)
            try farm.open("on")
            let first = try await farm.api.end(of: build)
            try #require(first.state == "passed")
            try await eventually("the host forgets it") { farm.hosts[0].attempts.isEmpty }
            // Hosts have met newer leaders than the one of the backup.
            for _ in 0..<2 {
                try await farm.stopCoordinator()
                try await farm.startCoordinator(keepingPort: true)
                _ = try await farm.api.host("kvm0", is: "ready")
            }
            try await farm.stopCoordinator()
            try await restore(farm, folder, "--replace")
            try await farm.startCoordinator(keepingPort: true)
            _ = try await farm.api.host("kvm0", is: "ready")
            let passed = try await farm.api.end(of: build)
            try #require(passed.state == "passed", "\(passed)")
            #expect(passed.attempts?.last?.summary == "kvm0 passed")
            #expect(passed.attempts?.count == 2, "\(passed)")
            for attempt in passed.attempts ?? [] {
                _ = try await farm.api.log(build, attempt: attempt.attempt)
            }
            #expect(
                try SHA256.file("\(farm.webRoot)/\(passed.image?.path ?? "")")
                    == passed.image?.sha256)
        }
    }

    @Test("A restored coordinator is followed by hosts that have met far newer epochs")
    func hostsFollowRestoredCoordinator() async throws {
        try await withFarm { farm in
            _ = try await farm.api.host("kvm0", is: "ready")
            let folder = try await backup(farm)
            try await farm.stopCoordinator()
            farm.hosts[0].killDaemon()
            // A leader whose clock was a day ahead.
            let epoch = Clocks.unixMilliseconds() / 1000 + 86_400
            try Files.replace(
                farm.hosts[0].stateFolder + "/epoch", with: Array("\(epoch)\n".utf8))
            try farm.hosts[0].startDaemon()
            try await farm.loseEverything()
            try await restore(farm, folder)
            try await farm.startCoordinator(keepingPort: true)
            _ = try await farm.api.host("kvm0", is: "ready")
            let leader = try await farm.api.leader()
            #expect((leader.epoch ?? 0) > epoch)
        }
    }

    @Test("A restore refuses a running coordinator, a full place and a damaged backup")
    func refusals() async throws {
        try await withFarm { farm in
            _ = try await farm.imageBuilds(1)
            let folder = try await backup(farm)
            #expect(try await restoreIsRefused(farm, folder).contains("stop every coordinator"))
            try await farm.stopCoordinator()
            #expect(try await restoreIsRefused(farm, folder).contains("--replace"))

            let before = try Files.list(farm.stateFolder)
            let tree = try await farm.shell("cd \(folder); find . -type f").split(separator: "\n")
            #expect(tree.count > 5)
            for file in tree {
                let path = "\(folder)/\(file)"
                let bytes = try Files.read(path, limitBytes: 64 << 20)
                var damaged = bytes
                damaged[damaged.count / 2] ^= 1
                try Files.replace(path, with: damaged, mode: 0o600)
                let words = try await restoreIsRefused(farm, folder, "--replace")
                #expect(
                    words.contains("damaged") || words.contains("digest"), "\(file): \(words)")
                try Files.replace(path, with: bytes, mode: 0o600)
                try Files.rename(path, to: path + ".gone")
                _ = try await restoreIsRefused(farm, folder, "--replace")
                try Files.rename(path + ".gone", to: path)
            }
            let path = folder + "/manifest.json"
            let bytes = try Files.read(path, limitBytes: 64 << 20)
            let newer = String(decoding: bytes, as: UTF8.self)
                .replacing(#/"schema" : [0-9]+/#, with: "\"schema\" : 9999")
            try Files.replace(path, with: Array(newer.utf8))
            try await farm.shell("cd \(folder); sha256sum manifest.json >manifest.json.sha256")
            #expect(
                try await restoreIsRefused(farm, folder, "--replace").contains("upgrade it first"))
            try Files.replace(path, with: bytes)
            try await farm.shell("cd \(folder); sha256sum manifest.json >manifest.json.sha256")
            #expect(try Files.list(farm.stateFolder) == before, "nothing was touched")
            try await restore(farm, folder, "--replace")
            try await farm.startCoordinator(keepingPort: true)
            #expect(try await farm.api.builds().count == 1)
        }
    }

    @Test("Keys apart are needed for a restore, and other keys are refused")
    func keysApart() async throws {
        try await withFarm { farm in
            let answer = try await farm.api.send(
                "PUT", "/api/v1/secrets/cloud",
                json: #"{"value":"open sesame 1","guestOSes":["*"],"isNew":true}"#)
            try #require((200..<300).contains(answer.status), "\(FarmClient.text(answer))")
            let keys = "\(farm.folder)/keys"
            let folder = try await backup(farm, "--keys", keys)
            let own = "\(keys)/\(Files.name(of: folder))"
            #expect(!Files.exists(folder + "/keys") && Files.mode(own) == 0o700)
            #expect(try Files.list(own).contains("secret.key"))
            try await farm.stopCoordinator()
            let secret = try Files.read(farm.stateFolder + "/secret.key", limitBytes: 4096)
            try await farm.loseEverything()
            #expect(try await restoreIsRefused(farm, folder).contains("--keys"))
            let other = Array((String(repeating: "ab", count: 32) + "\n").utf8)
            try Files.replace(own + "/secret.key", with: other, mode: 0o600)
            #expect(try await restoreIsRefused(farm, folder, "--keys", own).contains("digest"))
            try Files.replace(own + "/secret.key", with: secret, mode: 0o600)
            // The folder of the keys of all backups: these are found by the name of the backup,
            // and those of one that was renamed are the newest.
            try Files.makeFolder(keys + "/2020-01-01T000000Z", mode: 0o700)
            try await restore(farm, folder, "--keys", keys)
            #expect(try Files.read(farm.stateFolder + "/secret.key", limitBytes: 4096) == secret)
            try await farm.loseEverything()
            let renamed = farm.folder + "/renamed"
            try Files.rename(folder, to: renamed)
            try await restore(farm, renamed, "--keys", keys)
            try Files.rename(renamed, to: folder)
            try await farm.loseEverything()
            try await restore(farm, folder, "--keys", own)
            #expect(try Files.read(farm.stateFolder + "/secret.key", limitBytes: 4096) == secret)

            try await farm.startCoordinator(keepingPort: true)
            let bare = try await backup(farm, "--without-keys")
            try await farm.stopCoordinator()
            try await farm.loseEverything()
            #expect(try await restoreIsRefused(farm, bare).contains("secret key is not the one"))
            try Files.replace(farm.stateFolder + "/secret.key", with: other, mode: 0o600)
            #expect(try await restoreIsRefused(farm, bare).contains("secret key is not the one"))
            try Files.replace(farm.stateFolder + "/secret.key", with: secret, mode: 0o600)
            try await restore(farm, bare)
        }
    }

    @Test("What root makes is the user's whose folders these are, and follows no link of theirs")
    func rootActsAsUser() async throws {
        try await withFarm { farm in
            _ = try await farm.imageBuilds(1)
            try await farm.stopCoordinator()
            let (place, roots) = ("\(farm.folder)/backups", "\(farm.folder)/roots")
            let (logs, data) = ("\(farm.stateFolder)/logs", "\(farm.folder)/data")
            try await farm.shell(
                "mkdir \(place) \(data); mkdir -m 700 \(roots); mv \(logs) \(data)/logs; "
                    + "ln -s \(data)/logs \(logs); chmod 755 \(farm.folder); "
                    + "chown -R 4242:4242 \(place) \(data) \(farm.stateFolder)")
            let folder = try await backup(farm)
            #expect(try await farm.shell("cd \(folder); ls logs/*").contains("ndjson"))
            #expect(try await farm.shell("find \(place) ! -user 4242") == "")

            #expect(try await restoreIsRefused(farm, folder, "--replace").contains("symbolic link"))
            try await farm.shell("rm \(logs); ln -sf \(roots)/made \(farm.stateFolder)/lock")
            _ = try await restoreIsRefused(farm, folder, "--replace")
            #expect(try Files.list(roots).isEmpty, "root has followed a link of the user")
            try Files.remove(farm.stateFolder + "/lock")
            try await restore(farm, folder, "--replace")
            #expect(try await farm.shell("find \(farm.stateFolder) ! -user 4242") == "")
        }
    }

    @Test("A backup is refused inside the state folder, and on a disk that is too small")
    func unsuitablePlaces() async throws {
        try await withFarm { farm in
            _ = try await farm.imageBuilds(1)
            let (inside, words) = try await farm.coordinatorCommand(
                ["backup", farm.stateFolder + "/backups"])
            #expect(inside == .exited(1) && words.contains("is inside"), "\(words)")
            let small = "\(farm.folder)/small"
            try await farm.shell("mkdir \(small); mount -t tmpfs -o size=64k tmpfs \(small)")
            let (full, why) = try await farm.coordinatorCommand(["backup", small])
            #expect(full == .exited(1) && why.contains("needs"), "\(why)")
            #expect(try Files.list(small).filter { !$0.hasPrefix(".") }.isEmpty)
        }
    }

    @Test(
        "A restore that is killed at any moment is repeated, and loses nothing",
        arguments: ["sqlite", "mariadb"])
    func killedRestore(engine: String) async throws {
        try await withFarm(try await setup(engine)) { farm in
            let build = try #require(try await farm.imageBuilds(1).first)
            let log = try await farm.api.log(build)
            let folder = try await backup(farm)
            try await farm.stopCoordinator()
            let mark = farm.stateFolder + "/restore-unfinished"
            for (glob, times) in [
                (".restore.part", 2), ("*.restore.part", 2), ("restore-unfinished", 4),
                ("replaced-*/database.sql", 3), ("replaced-*/logs", 3),
            ] {
                for _ in 0..<times { try await killRestore(farm, folder, whenNew: glob) }
            }
            for _ in 0..<20 where !Files.exists(mark) {
                try await killRestore(farm, folder, whenNew: "restore-unfinished")
            }
            #expect(Files.exists(mark), "it was killed while things were half done")
            // What MariaDB's program was doing ends by itself, and is waited for.
            try await eventually("nobody uses the database") {
                try await farm.coordinatorCommand(["restore", folder, "--replace"]).0 == .exited(0)
            }
            #expect(try Files.list(farm.stateFolder).filter { $0.hasSuffix(".part") } == [])
            try await farm.startCoordinator(keepingPort: true)
            #expect(try await farm.api.builds().map(\.id) == [build.id])
            #expect(try await farm.api.log(build) == log)
        }
    }

    /// Kills it as soon as a path in the state folder is new, or is another file.
    private func killRestore(_ farm: Farm, _ folder: String, whenNew glob: String) async throws {
        let pattern = "\(farm.stateFolder)/\(glob)"
        let before = stamps(pattern)
        let program = try FarmProgram(
            "aibuild-coordinator", ["restore", folder, "--replace", "--config", farm.configPath],
            logPath: "\(farm.folder)/killed.log")
        try await eventually("it comes that far", everyMilliseconds: 1) {
            !stamps(pattern).subtracting(before).isEmpty || program.status != nil
        }
        program.kill()
    }

    private func stamps(_ pattern: String) -> Set<String> {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, GLOB_PERIOD, nil, &found) == 0 else { return [] }
        return Set(
            (0..<Int(found.gl_pathc)).compactMap { index in
                found.gl_pathv[index].flatMap { Files.stamp(String(cString: $0)) }
            })
    }

    @Test("MariaDB's own programs get any password")
    func oddPassword() async throws {
        let server = try await MariaDBServer.shared()
        let database = try await server.makeDatabase()
        let password = #"a"b\c'd#e f;\n"#
        let user = "odd\(UInt32.random(in: .min ... .max))"
        let quoted = password.replacing("'", with: "''")
        _ = try await server.asRoot("CREATE USER \(user)@'%' IDENTIFIED BY '\(quoted)'")
        let endpoint = MariaDBEndpoint(
            port: database.port, user: user, password: password, database: "")
        let options = try #require(endpoint.optionFiles.first)
        let file = try MemoryFile(Array(options.utf8))
        let output = try await Command(
            ["mariadb", "--defaults-file=\(file.path)", "-e", "SELECT 40 + 2"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(output.stdoutText.contains("42"), "\(output.stderrText)")
    }

    @Test("A restore that was killed keeps the coordinator from its start, and is repeated")
    func unfinishedRestore() async throws {
        try await withFarm { farm in
            _ = try await farm.imageBuilds(1)
            let folder = try await backup(farm)
            try await farm.stopCoordinator()
            try Files.replace(farm.stateFolder + "/restore-unfinished", with: Array("x\n".utf8))
            let (status, words) = try await farm.coordinatorCommand([])
            #expect(status == .exited(1) && words.contains("has not ended"), "\(words)")
            try await restore(farm, folder)
            try await farm.startCoordinator(keepingPort: true)
            #expect(try await farm.api.builds().count == 1)
        }
    }
}

extension Farm {
    /// Runs a command of the coordinator's program to its end.
    /// - Returns: its status, and what it printed.
    func coordinatorCommand(
        _ words: [String]
    ) async throws -> (ProcessKit.ExitStatus, String) {
        let log = "\(folder)/command.log"
        try Files.replace(log, with: [])
        let program = try FarmProgram(
            "aibuild-coordinator", words + ["--config", configPath], logPath: log)
        return (try await program.exit(), program.log)
    }

    /// The machine of the coordinator is gone; the web root was on another one.
    func loseEverything() async throws {
        try Files.remove(stateFolder)
        try Files.makeFolder(stateFolder)
        guard let database = setup.database else { return }
        let server = try await MariaDBServer.shared()
        _ = try await server.asRoot("DROP DATABASE \(database.database)")
        _ = try await server.asRoot("CREATE DATABASE \(database.database) CHARACTER SET utf8mb4")
    }
}
