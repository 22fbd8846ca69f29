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
    /// - Parameter name: `nil`: nobody knows yet.
    func wait(address: String, name: String?, nowMilliseconds now: Int64) -> Int64? {
        entries.withLock { entries in
            Self.keys(address, name).compactMap { key, limit in
                entries[key].flatMap { Self.wait($0, limit: limit, now) }
            }.max()
        }
    }

    /// - Returns: whether further tries of the address or for the name wait from now on.
    func failed(address: String, name: String?, nowMilliseconds now: Int64) -> Bool {
        entries.withLock { entries in
            var isPaused = false
            for (key, limit) in Self.keys(address, name) {
                var entry = entries[key] ?? Entry()
                if now - entry.lastMilliseconds > Bounds.memoryMilliseconds { entry = Entry() }
                entry.failures = min(entry.failures + 1, 1_000)
                entry.lastMilliseconds = now
                entries[key] = entry
                isPaused = isPaused || entry.failures >= limit
            }
            if entries.count > Bounds.entries { Self.forget(&entries) }
            return isPaused
        }
    }

    /// Forgets the failures of the name. Those of the address stay: a stranger with an account is
    /// not to get rid of them by signing in.
    func succeeded(name: String) { entries.withLock { $0[Self.nameKey(name)] = nil } }

    private static func nameKey(_ name: String) -> String { "name " + name }

    private static func keys(_ address: String, _ name: String?) -> [(String, Int)] {
        [("address " + network(of: address), Bounds.ofAddress)]
            + (name.map { [(nameKey($0), Bounds.ofName)] } ?? [])
    }

    /// Whoever has an address of IPv6 has 2^64 of them, those with the same four first groups.
    static func network(of address: String) -> String {
        let halves = address.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
            .map { $0.utf8.split(separator: UInt8(ascii: ":")).map { String(Substring($0)) } }
        guard address.utf8.contains(UInt8(ascii: ":")), let head = halves.first else {
            return address
        }
        let tail = halves.count == 2 ? halves[1] : []
        let zeros = max(0, 8 - head.count - tail.count)
        let groups = head + Array(repeating: "0", count: zeros) + tail
        return groups.prefix(4).joined(separator: ":")
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
