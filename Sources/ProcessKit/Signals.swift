import CLinux

/// Signals of this process.
public enum Signals {
    public static func ignore(_ signal: Int32) { aib_signal_ignore(signal) }

    /// Blocks `signals` in this thread and those it starts later, so that `waitBlocking` takes
    /// them. Called before any other thread is there.
    public static func block(_ signals: [Int32]) {
        for signal in signals { _ = aib_signal_block(signal) }
    }

    /// Blocks the calling thread until one of two blocked signals comes.
    public static func waitBlocking(_ first: Int32, _ second: Int32) -> Int32 {
        aib_signal_wait(first, second)
    }
}
