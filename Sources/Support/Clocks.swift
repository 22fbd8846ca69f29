import Glibc

/// The two clocks. Timeouts use the monotonic one; wall-clock time is only displayed and recorded.
public enum Clocks {
    public static func unixMilliseconds() -> Int64 { milliseconds(CLOCK_REALTIME) }
    public static func monotonicMilliseconds() -> Int64 { milliseconds(CLOCK_MONOTONIC) }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
