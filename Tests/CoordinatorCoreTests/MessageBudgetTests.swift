import CoordinatorCore
import Testing

@Suite struct MessageBudgetTests {
    private func taken(_ budget: MessageBudget, at times: [Int64]) -> [Bool] {
        var budget = budget
        return times.map { budget.take(nowMilliseconds: $0) }
    }

    @Test("A budget allows a burst, and fills up over time")
    func burst() {
        let budget = MessageBudget(burst: 3, perSecond: 2, nowMilliseconds: 0)
        let times: [Int64] = [0, 0, 0, 499, 500, 500, 1_000_000, 1_000_000, 1_000_000, 1_000_000]
        #expect(
            taken(budget, at: times)
                == [true, true, true, false, true, false, true, true, true, false])
    }

    @Test("A clock that jumps does no harm")
    func jumps() {
        let budget = MessageBudget(burst: 1, perSecond: 256, nowMilliseconds: .min)
        #expect(taken(budget, at: [.max, .min]) == [true, false])
    }
}
