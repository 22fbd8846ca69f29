import Synchronization

/// What every simulated part shares. One thread runs all of it: the locks are never waited for.
final class Simulation: Sendable {
    private struct State {
        var generator: SeededGenerator
        var counts: [FaultKind: Int] = [:]
        /// Kinds that strike at the next opportunity.
        var overdue: Set<FaultKind> = []
        var isHealed = false
        /// Until when a part of the farm's head is out of order.
        var outages: [FaultKind: Int64] = [:]
        var nextID: UInt64 = 0

        mutating func count(_ fault: FaultKind) {
            counts[fault, default: 0] += 1
            overdue.remove(fault)
        }
    }

    let clock = VirtualClock()
    let trace: Trace
    let ledger: Ledger
    let fleet = Fleet()
    private let state: Mutex<State>

    init(_ settings: Settings) throws {
        trace = try Trace(clock: clock, path: settings.tracePath)
        ledger = Ledger(clock: clock, trace: trace)
        state = Mutex(State(generator: SeededGenerator(seed: settings.seed)))
    }

    // MARK: Chance

    func below(_ limit: Int) -> Int { state.withLock { $0.generator.below(limit) } }

    func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    func number() -> UInt64 { state.withLock { $0.generator.next() } }

    func one<T>(of choices: [T]) -> T? { choices.isEmpty ? nil : choices[below(choices.count)] }

    func counted() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    // MARK: Faults

    /// Whether the fault strikes now, by its odds.
    func strikes(_ fault: FaultKind) -> Bool {
        let isStruck = state.withLock { state in
            guard !state.isHealed else { return false }
            let isDrawn = state.generator.below(fault.odds) == 0
            guard isDrawn || state.overdue.contains(fault) else { return false }
            state.count(fault)
            return true
        }
        if isStruck { trace.line("fault \(fault.rawValue)") }
        return isStruck
    }

    func count(_ fault: FaultKind, _ subject: String) {
        state.withLock { $0.count(fault) }
        trace.line("fault \(fault.rawValue) \(subject)")
    }

    /// From here on, every kind that has not struck yet strikes at the next opportunity: no run
    /// lacks one because of its seed.
    func demandEveryKind() {
        state.withLock { state in
            state.overdue = Set(FaultKind.allCases.filter { state.counts[$0] == nil })
        }
    }

    func isOverdue(_ fault: FaultKind) -> Bool { state.withLock { $0.overdue.contains(fault) } }
    var isAnyOverdue: Bool { state.withLock { !$0.overdue.isEmpty } }

    /// A part of the farm's head is out of order for a while.
    func breakDown(_ fault: FaultKind, milliseconds: Int) {
        count(fault, "for \(milliseconds) ms")
        let until = clock.monotonicMilliseconds() + Int64(milliseconds)
        state.withLock { $0.outages[fault] = until }
    }

    func isOut(_ fault: FaultKind) -> Bool {
        let now = clock.monotonicMilliseconds()
        return state.withLock { !$0.isHealed && $0.outages[fault, default: 0] > now }
    }

    /// No more faults from here on.
    func heal() {
        trace.line("healed")
        state.withLock { $0.isHealed = true }
    }

    var isHealed: Bool { state.withLock { $0.isHealed } }
    var counts: [FaultKind: Int] { state.withLock { $0.counts } }

    // MARK: Time

    /// A step over a network or to a disk takes a moment, or none: so others come in between.
    func pause(upTo milliseconds: Int) async {
        let pause = below(milliseconds * 2)
        guard pause < milliseconds else { return }
        try? await clock.wait(milliseconds: Int64(pause) + 1)
    }
}
