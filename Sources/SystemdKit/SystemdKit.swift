//! SystemdKit: tells the service manager how this program stands, by libsystemd's `sd_notify`.
//! Knows nothing of what the program does, and does nothing where no manager listens
//! (`NOTIFY_SOCKET` is not set): by hand and in containers programs run as they always do.

import CSystemd
import Support

/// The service manager that started this program, as units with `Type=notify` have one.
public enum ServiceManager {
    /// The program serves. Said when it does, and not before: what waits for it starts now.
    public static func ready(_ status: String) async {
        await Messenger.shared.say("READY=1\nSTATUS=\(line(status))")
    }

    /// The program ends in order; the manager waits, and restarts nothing.
    public static func stopping(_ status: String) async {
        await Messenger.shared.say(stoppingWords(status))
    }

    /// As `stopping`, on the calling thread, which must not be one of the cooperative pool.
    public static func stoppingBlocking(_ status: String) {
        sd_notify(0, stoppingWords(status))
    }

    /// How often the manager wants to hear that the program is alive; `nil` where it does not ask.
    public static var watchdogMilliseconds: Int64? {
        var microseconds: UInt64 = 0
        guard sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return Int64(clamping: microseconds / 1000)
    }

    static func ping() async { await Messenger.shared.say("WATCHDOG=1") }

    private static func stoppingWords(_ status: String) -> String {
        "STOPPING=1\nSTATUS=\(line(status))"
    }

    /// A line break would begin another message.
    private static func line(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    /// Says one message after the other, on a thread of its own: a manager whose queue is full
    /// makes `sd_notify` wait.
    private actor Messenger {
        static let shared = Messenger()
        private let executor = QueueExecutor(label: "sd_notify")

        nonisolated var unownedExecutor: UnownedSerialExecutor {
            executor.asUnownedSerialExecutor()
        }

        func say(_ words: String) { sd_notify(0, words) }
    }
}
