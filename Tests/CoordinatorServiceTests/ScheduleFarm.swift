import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// A farm whose guest OSes are built by schedules and other triggers.
struct ScheduleFarm {
    let farm: TestFarm

    static let hourly = TriggerPlan.Schedule(cron: "0 * * * *")
    static let hour: Int64 = 3_600_000

    /// - Parameter plans: of guest OSes, by name; `debian` is registered already.
    init(_ plans: [String: TriggerPlan], hosts: Int = 1, slots: Int = 4) async throws {
        farm = try await TestFarm(hosts: hosts, slots: slots)
        farm.timeZones.withLock { $0 = NoTimeZones() }
        for (name, plan) in plans {
            farm.templates.set(plan, of: name)
            if name == "debian" { continue }
            try await farm.leader.add(
                GuestOS(
                    id: "os-\(name)", name: name, type: .linux, distro: "", version: "",
                    baseISO: "", template: .folder(path: "/t"), owner: "team",
                    createdMilliseconds: 0))
        }
    }

    static func plan(_ body: (inout TriggerPlan) -> Void) -> TriggerPlan {
        var plan = TriggerPlan()
        body(&plan)
        return plan
    }

    static func hourlyPlan(jitter: Int = 0) -> TriggerPlan {
        plan { $0.schedule = .init(cron: "0 * * * *", jitterSeconds: jitter) }
    }

    /// Newest first.
    func builds(_ guestOS: String = "debian") async throws -> [Build] {
        try await farm.store.builds(BuildFilter(guestOS: guestOS), limit: 99)
    }

    func id(_ name: String) -> String { name == "debian" ? "os-1" : "os-\(name)" }

    func state(_ guestOS: String = "debian") async throws -> TriggerState? {
        try await farm.store.triggerState(ofGuestOS: id(guestOS))
    }

    /// Lets time pass until the condition holds.
    func until(
        _ what: String, step: Int64 = 60_000, _ condition: () async throws -> Bool
    ) async throws {
        try await eventually(what) {
            if try await condition() { return true }
            await farm.clock.advance(milliseconds: step, turns: 200)
            return false
        }
    }

    /// Lets this much time pass in small steps.
    func pass(_ milliseconds: Int64, step: Int64 = 60_000) async {
        for _ in 0..<milliseconds / step {
            await farm.clock.advance(milliseconds: step, turns: 200)
        }
    }

    /// Until the templates have been read.
    func known(_ guestOSes: String...) async throws {
        try await until("the triggers are known", step: 1_000) {
            for name in guestOSes where try await state(name)?.plan.isEmpty ?? true {
                return false
            }
            return true
        }
    }
}
