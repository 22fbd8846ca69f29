import CoordinatorCore
import FoundationEssentials
import Testing

/// When a policy comes into force.
@Suite("Retention that is new or stricter") struct RetentionStateTests {
    private let day: Int64 = 86_400_000

    private func next(
        _ state: RetentionState, _ configured: RetentionPolicy?, grace: Int64? = nil, at now: Int64
    ) -> RetentionState {
        state.next(configured, graceMilliseconds: grace ?? day, nowMilliseconds: now)
    }

    @Test("A policy that is switched on waits a day, also over restarts")
    func switchedOn() {
        let policy = RetentionPolicy(goodImages: 2)
        let shown = next(RetentionState(), policy, at: 1_000)
        #expect(shown.inForce == nil && shown.pending == policy)
        #expect(shown.beginsMilliseconds == 1_000 + day)
        let restarted = next(shown, policy, at: 50_000)
        #expect(restarted == shown)
        #expect(next(shown, policy, at: 1_000 + day) == RetentionState(inForce: policy))
        #expect(next(RetentionState(), policy, grace: 0, at: 5) == RetentionState(inForce: policy))
    }

    @Test("What an older version stored keeps the whole history")
    func older() throws {
        let text = #"{"goodImages":1,"failedDays":2,"minimumFreeBytes":3,"auditDays":4}"#
        let policy = try JSONDecoder().decode(RetentionPolicy.self, from: Data(text.utf8))
        let same = RetentionPolicy(
            goodImages: 1, failedDays: 2, unpublishedDays: 36_500, minimumFreeBytes: 3,
            auditDays: 4,
            historyDays: 36_500)
        #expect(policy == same)
        let state = next(
            RetentionState(inForce: policy),
            RetentionPolicy(goodImages: 1, failedDays: 2, minimumFreeBytes: 3, auditDays: 4), at: 1)
        #expect(state.inForce == policy && state.pending?.historyDays == 3_650)
        let again = try JSONDecoder().decode(RetentionPolicy.self, from: JSONEncoder().encode(same))
        #expect(again == same)
    }

    @Test("A stricter policy waits while the old one goes on")
    func stricter() {
        let old = RetentionPolicy(goodImages: 10, failedDays: 30, minimumFreeBytes: 5)
        for strict in [
            RetentionPolicy(goodImages: 9, failedDays: 30, minimumFreeBytes: 5),
            RetentionPolicy(goodImages: 10, failedDays: 29, minimumFreeBytes: 5),
            RetentionPolicy(goodImages: 10, failedDays: 30, minimumFreeBytes: 6),
            RetentionPolicy(goodImages: 10, minimumFreeBytes: 5, auditDays: 1),
            RetentionPolicy(goodImages: 10, minimumFreeBytes: 5, historyDays: 1),
        ] {
            let state = next(RetentionState(inForce: old), strict, at: 0)
            #expect(state.inForce == old && state.pending == strict)
        }
    }

    @Test("What is to be kept longer is kept at once")
    func looser() {
        let old = RetentionPolicy(goodImages: 10)
        let loose = RetentionPolicy(goodImages: 20)
        #expect(next(RetentionState(inForce: old), loose, at: 0) == RetentionState(inForce: loose))
        let mixed = RetentionPolicy(goodImages: 20, failedDays: 3)
        let state = next(RetentionState(inForce: old), mixed, at: 0)
        #expect(state.inForce == loose && state.pending == mixed)
    }

    @Test("Only a policy stricter than the one shown is shown anew")
    func shownAnew() {
        let shown = next(RetentionState(), RetentionPolicy(goodImages: 5), at: 0)
        let looser = next(shown, RetentionPolicy(goodImages: 6), at: 100)
        #expect(looser.beginsMilliseconds == day && looser.pending?.goodImages == 6)
        let stricter = next(shown, RetentionPolicy(goodImages: 4), at: 100)
        #expect(stricter.beginsMilliseconds == day + 100)
    }

    @Test("Retention that was switched off is new when it is switched on again")
    func switchedOff() {
        let policy = RetentionPolicy()
        let off = next(RetentionState(inForce: policy), nil, at: 0)
        #expect(off == RetentionState())
        #expect(next(off, policy, at: 0).inForce == nil)
    }
}
