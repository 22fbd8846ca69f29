import Glibc
import TestSupport

/// The environment variables of `make chaos`.
struct Settings {
    var seed = 1
    /// The number of faults; `nil`: each kind once.
    var rounds: Int?
    /// Only kinds whose name contains this.
    var only: String?
    var isWritten = false
    /// A factor for the duration of faults: 12 makes it up to a minute.
    var stretch = 1

    static func fromEnvironment() -> Settings {
        var settings = Settings()
        settings.seed = value("CHAOS_SEED").flatMap(Int.init) ?? settings.seed
        settings.rounds = value("CHAOS_ROUNDS").flatMap(Int.init)
        settings.only = value("CHAOS_ONLY")
        settings.stretch = value("CHAOS_STRETCH").flatMap(Int.init) ?? settings.stretch
        settings.isWritten = value("CHAOS_WRITE") == "1"
        return settings
    }

    private static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Longer than any outage that a build must survive.
    var hostLostSeconds: Int { 10 * stretch }

    /// Every kind equally often, in an order that the seed determines.
    var faults: [Fault] {
        var chance = SeededGenerator(seed: seed &+ 1)
        let kinds = FaultTable.all.filter { kind in
            guard let only else { return rounds != nil || !kind.isLong }
            return kind.name.contains(only)
        }
        guard !kinds.isEmpty else { return [] }
        let count = rounds ?? kinds.count
        var faults: [Fault] = []
        while faults.count < count { faults += chance.shuffled(kinds) }
        return Array(faults.prefix(count))
    }

    func say(_ line: String) {
        print("chaos: \(line)")
        fflush(nil)
    }
}
