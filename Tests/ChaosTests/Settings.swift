import Glibc
import TestSupport

/// What `make chaos` asks for by the environment.
struct Settings {
    var seed = 1
    /// Faults one after another; `nil`: each kind once.
    var rounds: Int?
    /// Only kinds whose name holds this.
    var only: String?
    var isWritten = false
    /// How many times as long as usual a fault lasts: 12 makes it up to a minute.
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

    /// Longer than any cut that a build must live through.
    var hostLostSeconds: Int { 10 * stretch }

    /// Every kind as often as any other, in an order by the seed.
    var faults: [Fault] {
        var chance = Chance(seed: seed &+ 1)
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
