import ProcessKit
import Support
import TestSupport
import Testing

/// `aibuild-coordinator backup`, killed after each of its steps.
@Suite(.timeLimit(.minutes(10))) struct KilledBackupTests {
    /// What the call says after which it is killed, in order. Only the last makes it whole.
    private static let steps = [
        ["mkdir", "/backups/", ".part\""], ["mkdir", "/logs\""], ["-journal"], ["secret.key"],
        ["rename", "/manifest.json\""], ["rename", "/manifest.json.sha256\""],
        ["rename", "/keys/", "Z.part\", "], ["rename", "/backups/", "Z.part\", "],
    ]

    @Test("A backup that is killed at any step leaves nothing that a restore takes for whole")
    func everyStep() async throws {
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
            for (number, step) in Self.steps.enumerated() {
                // Each round makes the same backup as the first one.
                for folder in [place, keys] { try Files.remove(folder) }
                let program = try run()
                var calls: [String] = []
                repeat {
                    let call = try await program.step()
                    calls.append(try #require(call, "no call with \(step) is among \(calls)"))
                } while !step.allSatisfy { calls.last?.contains($0) == true }
                program.kill()
                let isLast = number == Self.steps.count - 1
                let names = try Files.list(place).filter { !$0.hasPrefix(".") }
                let name = try #require(names.first)
                let isWhole = try await check(
                    farm, "\(place)/\(name)", keys, other, after: "\(step)")
                #expect(isWhole == isLast, "\(step)")
            }

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
