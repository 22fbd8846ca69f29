import Synchronization

/// Counts sign-ins that fail, by address and by name, and lets those wait that fail too often. In
/// memory: the leader alone signs people in.
final class SignInThrottle: Sendable {
    private struct Entry {
        var failures = 0
        var lastMilliseconds: Int64 = 0
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// Limits, each with its reason.
    enum Bounds {
        /// A person who mistypes, and one who tries the passwords of five years.
        static let ofAddress = 10
        /// More than of an address, so that one stranger does not lock a person out at once.
        static let ofName = 30
        static let pauseMilliseconds: Int64 = 15_000
        static let longestPauseMilliseconds: Int64 = 15 * 60_000
        /// Failures are forgotten after an hour without one.
        static let memoryMilliseconds: Int64 = 3_600_000
        /// Addresses and names that are remembered, some megabytes; the oldest make room.
        static let entries = 20_000
    }

    /// How long to wait before a try is allowed; `nil`: it is.
    func wait(address: String, name: String, nowMilliseconds now: Int64) -> Int64? {
        entries.withLock { entries in
            Self.keys(address, name).compactMap { key, limit in
                entries[key].flatMap { Self.wait($0, limit: limit, now) }
            }.max()
        }
    }

    func failed(address: String, name: String, nowMilliseconds now: Int64) {
        entries.withLock { entries in
            for (key, _) in Self.keys(address, name) {
                var entry = entries[key] ?? Entry()
                if now - entry.lastMilliseconds > Bounds.memoryMilliseconds { entry = Entry() }
                entry.failures = min(entry.failures + 1, 1_000)
                entry.lastMilliseconds = now
                entries[key] = entry
            }
            if entries.count > Bounds.entries { Self.forget(&entries) }
        }
    }

    /// Forgets the failures of the name. Those of the address stay: a stranger with an account is
    /// not to get rid of them by signing in.
    func succeeded(name: String) { entries.withLock { $0[Self.nameKey(name)] = nil } }

    private static func nameKey(_ name: String) -> String { "name " + name }

    private static func keys(_ address: String, _ name: String) -> [(String, Int)] {
        [("address " + address, Bounds.ofAddress), (nameKey(name), Bounds.ofName)]
    }

    private static func wait(_ entry: Entry, limit: Int, _ now: Int64) -> Int64? {
        guard entry.failures >= limit else { return nil }
        let doublings = min(entry.failures - limit, 6)
        let pause = min(
            Bounds.pauseMilliseconds << Int64(doublings), Bounds.longestPauseMilliseconds)
        let left = entry.lastMilliseconds + pause - now
        return left > 0 ? min(left, pause) : nil
    }

    /// A tenth of them at once, so that a flood of addresses costs little each.
    private static func forget(_ entries: inout [String: Entry]) {
        let oldest = entries.sorted { $0.value.lastMilliseconds < $1.value.lastMilliseconds }
        for (key, _) in oldest.prefix(Bounds.entries / 10) { entries[key] = nil }
    }
}
