import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// The agent's program is replaced during builds as a package manager does it: a new file takes the
/// name, and running processes keep the old one.
@Suite struct AgentUpgradeTests {
    /// Copies the programs to a folder, each atomically.
    private func install(into folder: String) throws {
        for name in ["aibuild-agent", "aibuild-fetch"] {
            let bytes = try Files.read(FarmProgram.path(name), limitBytes: 1 << 30)
            try Files.replace("\(folder)/\(name)", with: bytes, mode: 0o755)
        }
    }

    private func start(_ farm: Farm, _ folder: String) throws -> FarmProgram {
        try FarmProgram(
            "aibuild-agent", ["daemon", "--config", farm.hosts[0].configPath],
            logPath: "\(farm.folder)/upgraded.log", path: "\(folder)/aibuild-agent")
    }

    /// The executables of this farm's supervisors, as the kernel reports them.
    private func supervisors(_ farm: Farm) -> [String] {
        ProcessTable.withVariable(ProcessMarks.stateFolder) { $0 == farm.hosts[0].stateFolder }
            .filter { process in
                let line = try? Files.read("/proc/\(process.pid)/cmdline", limitBytes: 4096)
                return line.map { String(decoding: $0, as: UTF8.self).contains("supervise") }
                    ?? false
            }.map { Self.target("/proc/\($0.pid)/exe") }
    }

    private static func target(_ link: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = max(0, readlink(link, &buffer, buffer.count))
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    @Test("Builds survive an upgrade of the agent")
    func buildsSurviveAgentUpgrade() async throws {
        try await withFarm(.init { $0.daemons = [] }) { farm in
            let folder = "\(farm.folder)/bin"
            try Files.makeFolder(folder)
            try install(into: folder)
            let old = try start(farm, folder)
            _ = try await farm.api.host("kvm0", is: "ready")
            let base = "\(farm.folder)/base.raw"
            try Files.replace(base, with: Array(repeating: 7, count: 100_000))
            let yaml = """
                base_image: {url: "file://\(base)", sha256: \(try SHA256.file(base))}
                requirements: {memory: 64MiB, disk: 1MiB}
                """
            for name in ["before", "between", "after"] {
                try await farm.script(
                    name,
                    "seq 1 500; echo begun; \(Scripts.gate(farm, "on")); seq 501 1000; "
                        + "cp \"$AIBUILD_BASE_IMAGE\" \"$AIBUILD_OUTPUT/disk.raw\"",
                    yaml: yaml)
            }
            let before = try await farm.api.submit("before")
            try await farm.api.logs(before, "begun")
            try install(into: folder)
            // The file is replaced; the old daemon still runs and starts another build.
            let between = try await farm.api.submit("between")
            try await farm.api.logs(between, "begun")
            old.signal(SIGTERM)
            #expect(try await old.exit() == .exited(0))
            let running = supervisors(farm)
            #expect(running.count == 2)
            #expect(running.allSatisfy { $0.hasSuffix(" (deleted)") }, "\(running)")
            let new = try start(farm, folder)
            defer { new.kill() }
            // The log, not the host's state: that stays "ready" over a restart that is short.
            try await eventually("it took both over") {
                new.log.ranges(of: " runs on, process ").count == 2
            }
            try farm.open("on")
            let after = try await farm.api.submit("after")
            for build in [before, between, after] {
                let passed = try await farm.api.end(of: build)
                try #require(passed.state == "passed", "\(passed)")
                #expect(passed.attempts?.map(\.summary) == ["kvm0 passed"])
                let log = try await farm.api.log(build)
                #expect(passed.attempts?.last?.logSHA256 == SHA256.hex(log))
            }
            try await eventually("all are forgotten") { farm.hosts[0].attempts.isEmpty }
        }
    }
}

/// The agent's mark on its processes, repeated here: tests of whole programs do not import its
/// modules.
private enum ProcessMarks { static let stateFolder = "AIBUILD_STATE" }
