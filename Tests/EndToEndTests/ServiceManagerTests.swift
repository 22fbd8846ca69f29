import Glibc
import HTTPClientKit
import ProcessKit
import Support
import TestSupport
import Testing

/// The programs' messages to a service manager: ready when they serve, watchdog pings while they
/// do, stopping.
@Suite struct ServiceManagerTests {
    /// Runs both programs of a farm, each with a manager's socket.
    private struct Programs {
        let agent, coordinator: FarmProgram
        let agentSocket, coordinatorSocket: NotifySocket
        let url: String
    }

    private func run(_ body: (Farm, Programs) async throws -> Void) async throws {
        let setup = Farm.Setup {
            $0.daemons = []
            $0.startsCoordinator = false
        }
        try await withFarm(setup) { farm in
            let (agentSocket, coordinatorSocket) = (try NotifySocket(), try NotifySocket())
            let agent = try FarmProgram(
                "aibuild-agent", ["daemon", "--config", farm.hosts[0].configPath],
                logPath: "\(farm.folder)/agent.log",
                environment: agentSocket.environment(watchdogMilliseconds: 100))
            let port = try LoopbackPort.free()
            try farm.writeConfiguration(port: port)
            let coordinator = try FarmProgram(
                "aibuild-coordinator", ["--config", farm.configPath],
                logPath: "\(farm.folder)/coordinator.log",
                environment: coordinatorSocket.environment(watchdogMilliseconds: 100))
            try await body(
                farm,
                Programs(
                    agent: agent, coordinator: coordinator, agentSocket: agentSocket,
                    coordinatorSocket: coordinatorSocket, url: "http://127.0.0.1:\(port)"))
            agent.kill()
            coordinator.kill()
        }
    }

    @Test("READY is sent once the program serves")
    func readyMeansServing() async throws {
        try await run { farm, programs in
            let agent = try await programs.agentSocket.wait(for: "READY=1")
            // Asked only once: it serves, or READY came too early.
            let gate = try await Command(
                [
                    try FarmProgram.path("aibuild-agent"), "gate", "--config",
                    farm.hosts[0].configPath, "attach",
                ], environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300)
            #expect(gate.status.isSuccess, "\(gate.stderrText)")
            #expect(agent.contains { $0.hasPrefix("STATUS=serving on ") })

            let coordinator = try await programs.coordinatorSocket.wait(for: "READY=1")
            #expect(try await FarmClient(base: programs.url).get("/readyz").status == 200)
            #expect(coordinator.contains("STATUS=serving \(programs.url)"))
        }
    }

    @Test("STOPPING is sent on SIGTERM")
    func stoppingIsSentOnSignal() async throws {
        try await run { _, programs in
            for (program, socket) in [
                (programs.agent, programs.agentSocket),
                (programs.coordinator, programs.coordinatorSocket),
            ] {
                try await socket.wait(for: "READY=1")
                program.signal(SIGTERM)
                try await socket.wait(for: "STOPPING=1")
                #expect(try await program.exit() == .exited(0))
            }
        }
    }

    /// A program with a stopped component sends no more pings, while the other program does; when
    /// the component resumes, so do the pings.
    @Test(
        "A hung coordinator sends no watchdog ping until it resumes",
        arguments: ["MHD-worker", "whole"])
    func hungCoordinatorSendsNoPing(_ part: String) async throws {
        try await run { _, programs in
            try await expectSilence(
                of: programs.coordinator, programs.coordinatorSocket, part,
                while: programs.agentSocket)
        }
    }

    @Test("A hung agent sends no watchdog ping until it resumes", arguments: ["agent", "whole"])
    func hungAgentSendsNoPing(_ part: String) async throws {
        try await run { _, programs in
            try await expectSilence(
                of: programs.agent, programs.agentSocket, part,
                while: programs.coordinatorSocket)
        }
    }

    private func expectSilence(
        of program: FarmProgram, _ socket: NotifySocket, _ part: String,
        while other: NotifySocket
    ) async throws {
        for _ in 0..<3 { try await socket.wait(for: "WATCHDOG=1") }
        var frozen: FrozenThreads?
        if part == "whole" {
            program.signal(SIGSTOP)
        } else {
            frozen = try await FrozenThreads(of: program.pid, named: part)
        }
        // Pings may have been in transit when the component stopped.
        for _ in 0..<20 { try await other.wait(for: "WATCHDOG=1") }
        _ = socket.all()
        for _ in 0..<10 { try await other.wait(for: "WATCHDOG=1") }
        #expect(socket.all().isEmpty, "it hangs, and says that it is alive")
        program.signal(SIGCONT)
        frozen?.thaw()
        try await socket.wait(for: "WATCHDOG=1")
    }
}
