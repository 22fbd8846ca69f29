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
