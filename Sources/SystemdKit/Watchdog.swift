import Support

/// Sends watchdog pings to the service manager as long as the program is alive.
public enum Watchdog {
    /// Starts sending pings, if the manager requests them, until the program exits.
    ///
    /// - Parameter isAlive: checks everything that must work. No ping is sent while it returns
    ///   false or does not return, so a part that hangs is noticed without a timer of its own.
    public static func start(_ isAlive: @escaping @Sendable () async -> Bool) {
        guard let limit = ServiceManager.watchdogMilliseconds else { return }
        Task {
            var wasAlive = true
            while !Task.isCancelled {
                let isAlive = await isAlive()
                if isAlive {
                    await ServiceManager.ping()
                } else if wasAlive {
                    Logger("watchdog").error(
                        "a part of this program does not respond: sending no watchdog pings until "
                            + "it does")
                }
                wasAlive = isAlive
                // Half of the limit, as sd_watchdog_enabled(3) asks: one late ping does no harm.
                try? await Task.sleep(for: .milliseconds(max(1, limit / 2)))
            }
        }
    }
}
