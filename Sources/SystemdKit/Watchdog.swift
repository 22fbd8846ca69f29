import Support

/// Tells the service manager again and again that the program is alive, as long as that is true.
public enum Watchdog {
    /// Begins, where the manager asks for it, and goes on to the program's end.
    ///
    /// - Parameter isAlive: walks through what must work. One that answers no keeps the ping back,
    ///   and so does one that never answers: a part that hangs is found without a timer of its own.
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
                        "a part of this program does not answer; the service manager will be told "
                            + "nothing more until it does")
                }
                wasAlive = isAlive
                // Half of the limit, as sd_watchdog_enabled(3) asks: one late ping does no harm.
                try? await Task.sleep(for: .milliseconds(max(1, limit / 2)))
            }
        }
    }
}
