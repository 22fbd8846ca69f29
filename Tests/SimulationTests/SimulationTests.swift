import ProcessKit
import Support
import TestSupport
import Testing

/// The whole coordinator over simulated hosts, with every kind of fault; `make simulate` runs more.
@Suite struct SimulationTests {
    /// A minute of computing, beside everything else that runs.
    private static let seconds = 900

    private func simulate(
        seed: Int, hosts: Int, builds: Int, trace: String? = nil
    ) async throws -> String {
        let run = try await Command(
            [
                try FarmProgram.path("aibuild-simulate"), "--seed", "\(seed)", "--hosts",
                "\(hosts)", "--builds", "\(builds)",
            ] + (trace.map { ["--trace", $0] } ?? []), environment: Command.minimalEnvironment
        ).run(timeoutSeconds: Self.seconds, outputLimitBytes: 1 << 20)
        #expect(run.status.isSuccess, "\(run.stdoutText)\(run.stderrText)")
        return run.stdoutText
    }

    private func digest(_ output: String) throws -> Substring {
        let lines = output.split(separator: "\n")
        return try #require(lines.first { $0.hasPrefix("trace ") }, "\(output)")
    }

    @Test("The same seed gives the same trace, byte for byte")
    func sameSeedSameTrace() async throws {
        let folder = try TemporaryFolder()
        let first = try await simulate(
            seed: 7, hosts: 40, builds: 250, trace: "\(folder.path)/first")
        let second = try await simulate(
            seed: 7, hosts: 40, builds: 250, trace: "\(folder.path)/second")
        #expect(try digest(first) == digest(second))
        let traces = try ["first", "second"].map {
            try Files.read("\(folder.path)/\($0)", limitBytes: 1 << 28)
        }
        #expect(traces[0].count > 50_000)
        #expect(traces[0] == traces[1])
        #expect(try digest(try await simulate(seed: 8, hosts: 40, builds: 250)) != digest(first))
    }

    @Test("Every invariant holds while every kind of fault strikes", arguments: [1, 2])
    func invariantsHold(seed: Int) async throws {
        let output = try await simulate(seed: seed, hosts: 60, builds: 400)
        #expect(output.contains(", 0 not ended"))
        let faults = try #require(output.split(separator: "\n").first { $0.hasPrefix("faults: ") })
        let missing = faults.split(separator: ",").filter { $0.hasSuffix(" 0") }
        #expect(missing.isEmpty, "every kind of fault strikes")
    }

    @Test("Four of five builds start within the range that was estimated")
    func estimates() async throws {
        let run = try await Command(
            [
                try FarmProgram.path("aibuild-simulate"), "--estimates", "--starts-only", "--seed",
                "1", "--builds", "700",
            ], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: Self.seconds, outputLimitBytes: 1 << 20)
        let output = run.stdoutText
        #expect(run.status.isSuccess, "\(output)\(run.stderrText)")
        let found = try #require(
            output.firstMatch(of: #/starts: ([0-9]+) estimates, ([0-9]+)[.]/#), "\(output)")
        #expect((Int(found.1) ?? 0) >= 200, "\(output)")
        #expect((Int(found.2) ?? 0) >= 80, "\(output)")
    }
}
