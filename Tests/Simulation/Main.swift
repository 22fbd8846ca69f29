//! aibuild-simulate: the whole coordinator over simulated hosts, store, logs and web root, on one
//! thread and a clock of its own. Everything that happens, faults included, follows from one seed:
//! the same seed gives the same trace, byte for byte. It reaches no disk, network or database.

import BuildProtocol
import CoordinatorCore
import Glibc
import Support

@main enum Simulate {
    static func main() {
        guard let settings = Settings(Array(CommandLine.arguments.dropFirst())) else {
            print(Settings.usage)
            exit(2)
        }
        makeHashingDeterministic()
        if !settings.isVerbose { silenceLogs() }
        do { exit(try run(settings)) } catch {
            print("cannot simulate: \(error)")
            exit(2)
        }
    }

    /// Otherwise the order of sets and dictionaries would differ from run to run. The standard
    /// library reads the variable before `main`, so the program starts anew.
    private static func makeHashingDeterministic() {
        let variable = "SWIFT_DETERMINISTIC_HASHING"
        guard getenv(variable) == nil else { return }
        setenv(variable, "1", 1)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        print("cannot start anew with \(variable): \(String(cString: strerror(errno)))")
        exit(2)
    }

    private static func silenceLogs() {
        let null = open("/dev/null", O_WRONLY)
        if null >= 0 { dup2(null, STDERR_FILENO) }
    }

    /// - Returns: the exit status.
    private static func run(_ settings: Settings) throws -> Int32 {
        if settings.checksEstimates {
            var simulation = EstimateSimulation(
                seed: settings.seed, builds: settings.builds, asksEnds: settings.asksEnds)
            simulation.run()
            print(simulation.score.report)
            return 0
        }
        announce(settings)
        var loop = JobLoop(seed: settings.seed)
        let simulation = try Simulation(settings)
        let director = Director(settings, SharedParts(simulation))
        let start = milliseconds()
        let isDone = Flag()
        Task {
            await director.run()
            isDone.raise()
        }
        loop.run(clock: simulation.clock) { isDone.isRaised || simulation.ledger.breach != nil }
        if !isDone.isRaised { simulation.ledger.fail("nothing can go on, and nothing has ended") }
        return report(settings, simulation, loop, milliseconds() - start)
    }

    private static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Said first: a trap of the coordinator's ends the program before it can say anything.
    private static func announce(_ settings: Settings) {
        print(
            "make simulate SEED=\(settings.seed) HOSTS=\(settings.hosts) "
                + "BUILDS=\(settings.builds)")
        fflush(nil)
    }

    private static func report(
        _ settings: Settings, _ simulation: Simulation, _ loop: JobLoop, _ took: Int64
    ) -> Int32 {
        let ledger = simulation.ledger
        let ended = ledger.endedByState
        let counts = simulation.counts
        let seconds = (simulation.clock.monotonicMilliseconds() - VirtualClock.start) / 1_000
        let perMinute = Int64(ledger.buildCount) * 60_000 / max(1, took)
        print(
            "\(ledger.buildCount) builds: \(ended[.passed, default: 0]) passed, "
                + "\(ended[.failed, default: 0]) failed, "
                + "\(ended[.cancelled, default: 0]) cancelled, \(ledger.liveCount) not ended")
        print(
            "\(ledger.attemptCount) attempts, \(loop.jobsRun) jobs, "
                + "\(simulation.trace.lines) trace lines, \(ledger.checks) checks, "
                + "\(seconds) simulated seconds")
        let faults = FaultKind.allCases.map { "\($0.rawValue) \(counts[$0, default: 0])" }
        print("faults: \(faults.joined(separator: ", "))")
        print("took \(took) ms: \(perMinute) builds a minute")
        print("trace \(simulation.trace.finish())")
        guard let breach = ledger.breach else { return 0 }
        print("FAILED after job \(loop.jobsRun): \(breach)")
        return 1
    }
}
