import CLinux

/// Signals of this process.
public enum Signals {
    public static func ignore(_ signal: Int32) { aib_signal_ignore(signal) }

    /// Blocks `signals` in this thread and those that it starts later, so that `waitBlocking`
    /// receives them. To be called before other threads exist.
    public static func block(_ signals: [Int32]) {
        for signal in signals { _ = aib_signal_block(signal) }
    }

    /// Blocks the calling thread until one of two blocked signals arrives.
    public static func waitBlocking(_ first: Int32, _ second: Int32) -> Int32 {
        aib_signal_wait(first, second)
    }
}
