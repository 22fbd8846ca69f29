//! SystemdKit: reports this program's status to the service manager, by libsystemd's `sd_notify`.
//! Knows nothing about the program, and does nothing without a manager (`NOTIFY_SOCKET` is not
//! set), as for programs that are started by hand or in containers.

import CSystemd
import Support

/// The service manager that started this program from a unit with `Type=notify`.
public enum ServiceManager {
    /// Reports that the program serves. Units that wait for it are started now.
    public static func ready(_ status: String) async {
        await Messenger.shared.send("READY=1\nSTATUS=\(line(status))")
    }

    /// Reports that the program is stopping, so that the manager waits and does not restart it.
    public static func stopping(_ status: String) async {
        await Messenger.shared.send(stoppingMessage(status))
    }

    /// As `stopping`, on the calling thread, which must not belong to the cooperative pool.
    public static func stoppingBlocking(_ status: String) {
        sd_notify(0, stoppingMessage(status))
    }

    /// The interval in which the manager expects watchdog pings; `nil` if it expects none.
    public static var watchdogMilliseconds: Int64? {
        var microseconds: UInt64 = 0
        guard sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return Int64(clamping: microseconds / 1000)
    }

    static func ping() async { await Messenger.shared.send("WATCHDOG=1") }

    private static func stoppingMessage(_ status: String) -> String {
        "STOPPING=1\nSTATUS=\(line(status))"
    }

    /// A line break would start another message.
    private static func line(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    /// Sends one message after the other, on a thread of its own, because `sd_notify` blocks if the
    /// manager's queue is full.
    private actor Messenger {
        static let shared = Messenger()
        private let executor = QueueExecutor(label: "sd_notify")

        nonisolated var unownedExecutor: UnownedSerialExecutor {
            executor.asUnownedSerialExecutor()
        }

        func send(_ message: String) { sd_notify(0, message) }
    }
}

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
