import CLinux
import Glibc

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

    /// Blocks the calling thread until a blocked signal arrives, or the time is over.
    public static func waitBlocking(_ signal: Int32, seconds: Int) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, signal)
        var limit = timespec(tv_sec: seconds, tv_nsec: 0)
        sigtimedwait(&signals, nil, &limit)
    }
}
