import ProcessKit
import Support
import TestSupport
import Testing

/// `aibuild-coordinator backup`, killed after each change that it makes to a file.
@Suite(.timeLimit(.minutes(10))) struct KilledBackupTests {
    @Test("A backup that is killed at any point leaves nothing that a restore takes for whole")
    func everyPoint() async throws {
        try await withFarm { farm in
            let build = try #require(try await farm.imageBuilds(1).first)
            try await farm.stopCoordinator()
            let (place, keys) = ("\(farm.folder)/backups", "\(farm.folder)/keys")
            let other = "\(farm.folder)/other.yml"
            try Files.replace(
                other,
                with: "state_folder: \(farm.folder)/other\nweb_root: \(farm.folder)/www\n".utf8)
            let backup = ["backup", place, "--keys", keys]
            func run() throws -> SteppedProgram {
                try SteppedProgram(backup + ["--config", farm.configPath], in: farm.folder)
            }
            var calls: [String] = []
            var wasWhole = false
            while true {
                // Each round makes the same backup as the first one.
                for folder in [place, keys] { try Files.remove(folder) }
                let program = try run()
                var call: String?
                for _ in 0...calls.count { call = try await program.step() }
                guard let call else {
                    #expect(try await program.exit(), "\(program.log)")
                    break
                }
                program.kill()
                calls.append(call)
                let names = ((try? Files.list(place)) ?? []).filter { !$0.hasPrefix(".") }
                guard let name = names.first else { continue }
                wasWhole = try await check(farm, "\(place)/\(name)", keys, other, after: call)
            }
            #expect(wasWhole, "the last change is after the end")
            for step in [
                ".part\", 0700", "database.sqlite-journal\"", "/secret.key\"",
                "/manifest.json\"", "/manifest.json.sha256\"",
            ] { #expect(calls.contains { $0.contains(step) }, "\(step): \(calls)") }

            let program = try run()
            while try await program.step()?.contains("/manifest.json\"") == false {}
            program.kill()
            for folder in [place, keys] {
                #expect(try Files.list(folder).contains { $0.hasSuffix(".part") })
            }
            let next = try await farm.coordinatorCommand(backup)
            #expect(next.0 == .exited(0), "\(next.1)")
            for folder in [place, keys] {
                #expect(try Files.list(folder).allSatisfy { !$0.hasSuffix(".part") })
            }
            try await farm.startCoordinator(keepingPort: true)
            #expect(try await farm.api.builds().map(\.id) == [build.id])
        }
    }

    /// - Returns: whether it is whole.
    private func check(
        _ farm: Farm, _ path: String, _ keys: String, _ other: String, after call: String
    ) async throws -> Bool {
        let restore = ["restore", path, "--replace", "--keys"]
        let name = Files.name(of: path)
        guard name.hasSuffix(".part") else {
            let (status, words) = try await farm.command(restore + ["\(keys)/\(name)"], other)
            #expect(status == .exited(0), "after \(call): \(words)")
            return true
        }
        // Nor does the name alone make it one: what is taken for whole is whole.
        let copy = "\(farm.folder)/2026-01-01T000000Z"
        try await farm.shell("rm -rf \(copy); cp -a \(path) \(copy)")
        var said = try await farm.command(
            ["restore", copy, "--replace", "--keys", "\(keys)/\(name)"], other)
        if Files.exists("\(path)/manifest.json"), said.status != .exited(0) {
            // The keys get their name first.
            said = try await farm.command(
                ["restore", copy, "--replace", "--keys", "\(keys)/\(name.dropLast(5))"], other)
        }
        let isComplete = Files.exists("\(path)/manifest.json.sha256")
        #expect((said.status == .exited(0)) == isComplete, "after \(call): \(said.log)")
        let words = try await farm.command(restore + ["\(keys)/\(name)"], other)
        #expect(
            words.status == .exited(1) && words.log.contains("interrupted"),
            "after \(call): \(words.log)")
        return false
    }
}

extension Farm {
    /// Runs a command of the coordinator's program with another configuration.
    fileprivate func command(
        _ words: [String], _ configuration: String
    ) async throws -> (status: ProcessKit.ExitStatus, log: String) {
        let log = "\(folder)/other.log"
        try Files.replace(log, with: [])
        let program = try FarmProgram(
            "aibuild-coordinator", words + ["--config", configuration], logPath: log)
        return (try await program.exit(), program.log)
    }
}
