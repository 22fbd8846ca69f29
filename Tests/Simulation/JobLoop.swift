import CJobHooks

/// Runs all Swift tasks of the program on this thread, one job at a time. The seed decides which of
/// the jobs that can run goes next; time passes only when there is none.
struct JobLoop {
    private(set) var jobsRun = 0
    private var generator: SeededGenerator

    /// Takes over every task that is created from now on.
    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed ^ 0x6A6F_6273)
        job_hooks_install()
    }

    /// Returns when `isDone` says so, or when nothing can ever run again.
    mutating func run(clock: VirtualClock, until isDone: () -> Bool) {
        repeat {
            while true {
                let waiting = job_hooks_waiting()
                guard waiting > 0 else { break }
                jobsRun += 1
                job_hooks_run(generator.below(waiting))
            }
        } while !isDone() && clock.advance()
    }
}
