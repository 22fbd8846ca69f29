import BuildProtocol
import CoordinatorCore
import Testing

@Suite struct RetryPolicyTests {
    private func faults(_ pairs: [(String, FaultCode)]) -> [AttemptFault] {
        pairs.map { AttemptFault(host: $0.0, fault: Fault(.infrastructure, $0.1, "why \($0.0)")) }
    }

    private func judge(_ pairs: [(String, FaultCode)], now: Int64 = 0) -> RetryPolicy.Verdict {
        let history = faults(pairs)
        return RetryPolicy.judge(history[history.count - 1].fault, history: history, now: now)
    }

    @Test("A template fault is not retried")
    func templateFault() {
        let fault = Fault(.template, .packerFailed, "the last words")
        #expect(
            RetryPolicy.judge(fault, history: [AttemptFault(host: "a", fault: fault)], now: 7)
                == .end(.failed, fault))
    }

    @Test("A cancelled attempt is not retried")
    func cancellation() {
        let fault = Fault(.cancelled, .cancelled, "cancelled by anna")
        #expect(
            RetryPolicy.judge(fault, history: [AttemptFault(host: "a", fault: fault)], now: 7)
                == .end(.cancelled, fault))
    }

    @Test("Infrastructure faults are retried with growing delays")
    func growingDelays() {
        var pairs: [(String, FaultCode)] = []
        var delays: [Int64] = []
        while true {
            pairs.append(("h\(pairs.count)", .diskFull))
            guard case .retry(let notBefore) = judge(pairs, now: 1_000) else { break }
            delays.append(notBefore - 1_000)
        }
        #expect(delays == [5_000, 15_000, 45_000, 135_000])
        #expect(pairs.count == RetryPolicy.attempts)
    }

    @Test("The last attempt ends the build with its reason")
    func lastAttempt() {
        let end = judge([
            ("a", .diskFull), ("b", .diskFull), ("c", .pullFailed), ("d", .diskFull),
            ("e", .pullDigest),
        ])
        #expect(
            end
                == .end(
                    .failed,
                    Fault(.infrastructure, .pullDigest, "gave up after 5 attempts; last: why e")))
    }

    @Test("The plan of a build says how often it is tried again", arguments: [0, 1, 20])
    func retriesOfThePlan(_ retries: Int) {
        let history = faults(Array(repeating: ("a", .diskFull), count: retries + 1))
        for count in 1...retries + 1 {
            let judgement = RetryPolicy.judge(
                history[0].fault, history: Array(history.prefix(count)), retries: retries, now: 0)
            if case .retry = judgement {
                #expect(count <= retries)
            } else {
                #expect(count == retries + 1)
            }
        }
        let lost = ["a", "b", "c"].map { ($0, FaultCode.hostLost) }
        guard
            case .end(_, let fault) = RetryPolicy.judge(
                faults(lost)[2].fault, history: faults(lost), retries: 20, now: 0)
        else {
            Issue.record("three hosts were lost")
            return
        }
        #expect(fault.code == .poison, "more retries do not take more hosts down")
    }

    @Test("A build during which three hosts were lost is stopped")
    func hostKiller() {
        #expect(judge([("a", .hostLost), ("b", .supervisorLost)]) != judge([("a", .hostLost)]))
        guard
            case .end(.failed, let fault) = judge([
                ("a", .hostLost), ("b", .supervisorLost), ("c", .hostLost),
            ])
        else {
            Issue.record("three hosts were lost")
            return
        }
        #expect(fault.code == .poison)
        #expect(fault.reason.contains("the hosts a, b, c were lost while they ran this build"))
        #expect(fault.reason.contains("why c"))
    }

    @Test("One host lost three times is not three hosts")
    func sameHostLost() {
        guard case .retry = judge([("a", .hostLost), ("a", .hostLost), ("a", .hostLost)]) else {
            Issue.record("it is the host")
            return
        }
        guard case .retry = judge([("a", .hostLost), ("b", .hostLost), ("c", .diskFull)]) else {
            Issue.record("a full disk kills no host")
            return
        }
    }

    @Test("Delays are bounded")
    func delaysAreBounded() {
        let many = faults(Array(repeating: ("a", FaultCode.diskFull), count: 4))
        for count in 1...4 {
            let history = Array(many.prefix(count))
            guard case .retry(let at) = RetryPolicy.judge(many[0].fault, history: history, now: 0)
            else { continue }
            #expect(at <= RetryPolicy.longestDelayMilliseconds)
        }
    }

    @Test("Quarantine doubles up to an hour")
    func quarantine() {
        #expect(
            (0...12).map(RetryPolicy.quarantineMilliseconds(failures:)) == [
                0, 0, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000,
                2_560_000, 3_600_000, 3_600_000,
            ])
        #expect(RetryPolicy.quarantineMilliseconds(failures: .max) == 3_600_000)
        #expect(RetryPolicy.quarantineMilliseconds(failures: -1) == 0)
    }

    @Test("Some faults do not count against the host")
    func blamelessFaults() {
        for code in [FaultCode.publishFailed, .baseImageFetch, .hostRefused, .secretUnavailable] {
            #expect(!code.blamesHost, "\(code.rawValue)")
        }
        for code in [FaultCode.hostLost, .diskFull, .supervisorLost, .pullDigest, .hostError] {
            #expect(code.blamesHost, "\(code.rawValue)")
        }
    }
}

@Suite struct FairShareTests {
    private let hour: Int64 = 3_600_000

    @Test("Use halves every hour")
    func useHalvesEveryHour() throws {
        var share = FairShare()
        share.add(800, to: "anna", at: 0)
        #expect(share.values(at: 0) == ["anna": 800])
        #expect(share.values(at: hour) == ["anna": 400])
        #expect(share.values(at: 3 * hour) == ["anna": 100])
        #expect(try #require(share.values(at: 200 * hour)["anna"]) == 0)
    }

    @Test("Use never grows with time")
    func useNeverGrowsWithTime() throws {
        var share = FairShare()
        share.add(1000, to: "anna", at: 0)
        var last = 1000.0
        for minute in 1...600 {
            let value = try #require(share.values(at: Int64(minute) * 60_000)["anna"])
            #expect(value < last)
            last = value
        }
    }

    @Test("Use adds up")
    func useAddsUp() {
        var share = FairShare()
        share.add(100, to: "anna", at: 0)
        share.add(100, to: "anna", at: hour)
        share.add(7, to: "boris", at: hour)
        #expect(share.values(at: hour) == ["anna": 150, "boris": 7])
    }

    @Test("A clock that is set back does no harm")
    func clockSetBack() {
        var share = FairShare()
        share.add(100, to: "anna", at: hour)
        #expect(share.values(at: 0) == ["anna": 100])
    }
}
