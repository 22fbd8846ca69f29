import CoordinatorCore
import Synchronization
import TestSupport

/// An in-memory store that a test can make slow or unavailable, or whose responses it can lose.
final class FaultyStore: InterceptingStore, LeaseStore {
    typealias Call = StoreCall
    enum Moment: Hashable { case before, after }

    typealias Hook = @Sendable () async throws -> Void
    private struct Point: Hashable {
        var call: StoreCall
        var moment: Moment
    }

    private let memory = InMemoryStore()
    private let hooks = Mutex<[Point: [Hook]]>([:])

    var base: any Store { memory }

    /// Runs the hook once, at the next such call: before it takes effect, or after.
    func next(_ call: StoreCall, _ moment: Moment = .before, _ hook: @escaping Hook) {
        hooks.withLock { $0[Point(call: call, moment: moment), default: []].append(hook) }
    }

    /// Fails the next calls; with `.after` they take effect and only their responses are lost.
    func fail(_ call: StoreCall, _ moment: Moment = .before, times: Int = 1) {
        for _ in 0..<times {
            next(call, moment) { throw StoreError(.unavailable, "the database is away") }
        }
    }

    func mend() { hooks.withLock { $0 = [:] } }

    /// Makes another coordinator the leader, and returns its epoch.
    func takeLead() async throws -> LeaseEpoch {
        try await memory.lead(as: "\(UInt64.random(in: 0 ... .max))", milliseconds: -1)
    }

    func campaign(_ candidate: Candidate) async throws -> Lease {
        await memory.campaign(candidate)
    }

    func resign(_ epoch: LeaseEpoch) async throws { await memory.resign(epoch) }

    func around<T: Sendable>(
        _ call: StoreCall, _ body: () async throws -> T
    ) async throws -> T {
        try await run(call, .before)
        let value = try await body()
        try await run(call, .after)
        return value
    }

    private func run(_ call: StoreCall, _ moment: Moment) async throws {
        let hook = hooks.withLock { hooks -> Hook? in
            let point = Point(call: call, moment: moment)
            guard let list = hooks[point], !list.isEmpty else { return nil }
            hooks[point]?.removeFirst()
            return list[0]
        }
        try await hook?()
    }
}
