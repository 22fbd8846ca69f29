import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import TestSupport
import Testing

/// What is built by schedules and other triggers.
@Suite("Schedules", .timeLimit(.minutes(1))) struct ScheduleTests {
    @Test("The list goes page by page by the next run, and a guest OS shows its own")
    func list() async throws {
        let store = InMemoryStore()
        let epoch = try await store.lead()
        let leader = store.leading(epoch)
        // At 1 January 1970; those of `late` are due first after that of `soon`.
        for (name, cron) in [("late", "0 5 1 1 *"), ("soon", "0 3 1 1 *"), ("odd", "0 4 1 1 *")] {
            try await leader.add(
                GuestOS(
                    id: name, name: name, type: .linux, distro: "", version: "", baseISO: "",
                    template: .folder(path: "/t"), owner: "o", createdMilliseconds: 0))
            var plan = TriggerPlan()
            plan.schedule = .init(cron: cron)
            if name == "odd" { plan.parents = ["odd"] }
            var state = TriggerState(guestOSID: name, plan: plan)
            state.last = TriggerRun(
                atMilliseconds: 0, cause: "schedule", outcome: .skipped, reason: "why")
            _ = try #require(try await leader.save(state))
        }
        let api = try await API.leading(store, epoch: epoch, timeZones: NoTimeZones())
        let first = try await eventually("the list is there") {
            let answer = try await api.ask("GET", "/api/v1/schedules?limit=2").text
            return answer.contains("soon") ? answer : nil
        }
        #expect(first.contains(#""next":"odd""#) && !first.contains("late"), "\(first)")
        #expect(first.contains(#""nextRunAt":"1970-01-01T03:00:00.000Z""#))
        #expect(first.contains("odd → odd is a cycle"))
        #expect(first.contains(#""outcome":"skipped","reason":"why""#))
        let second = try await api.ask("GET", "/api/v1/schedules?limit=2&after=odd").text
        #expect(second.contains("late") && !second.contains("next\":"), "\(second)")
        let shown = try await api.ask("GET", "/api/v1/guestos/soon").text
        #expect(shown.contains(#""cron":"0 3 1 1 *""#), "\(shown)")
        #expect(try await !api.ask("GET", "/api/v1/guestos").text.contains("cron"))
    }
}
