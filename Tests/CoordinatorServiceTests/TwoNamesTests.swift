import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// A machine that was registered twice.
@Suite struct TwoNamesTests {
    private func add(_ name: String, _ coordinator: Coordinator) async throws -> HostSnapshot {
        try await coordinator.leading().hosts.add(
            name: name, address: "aibuild@\(name).other:22", hostKey: "ssh-ed25519 AAAA",
            by: "anna")
    }

    @Test("The second name of a machine is refused with the first, and builds there run on")
    func secondName() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        farm.gateway.add(name: "twin", of: farm.agents[0])
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .building)
            let token = try await farm.attempt(on: farm.agents[0])
            let added = try await add("twin", coordinator)
            #expect(added.othersWithHostKey == ["h0"])
            try await eventually("the second name is refused") {
                let twin = try await coordinator.leading().hosts.snapshot("twin")
                return twin.state == "unreachable"
                    && twin.detail.contains("it is the host h0 under another name")
                    && twin.detail.contains("aibuild host remove twin")
            }
            let running = await farm.agents[0].running
            #expect(running == [token])
            let forgotten = await farm.agents[0].count { message in
                if case .forget = message { true } else { false }
            }
            #expect(forgotten == 0)
        }
    }

    @Test("An idle machine is recognized by its agent, and free for another name once removed")
    func idleMachine() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.gateway.add(name: "twin", of: farm.agents[0])
        try await farm.run { coordinator in
            _ = try await add("twin", coordinator)
            try await eventually("the second name is refused") {
                try await coordinator.leading().hosts.snapshot("twin").detail
                    .contains("it is the host h0 under another name")
            }
            try await coordinator.leading().hosts.remove("h0", by: "anna")
            try await eventually("the second name is the only one") {
                await farm.clock.advance(milliseconds: 1000)
                return try await coordinator.leading().hosts.snapshot("twin").state == "ready"
            }
        }
    }

    @Test("A second name at the address of a host is refused with the first one")
    func sameAddress() async throws {
        let farm = try await TestFarm(hosts: 2)
        try await farm.run { coordinator in
            let hosts = try coordinator.leading().hosts
            let added = await #expect(throws: Refusal.self) {
                try await hosts.add(
                    name: "twin", address: "aibuild@h0:22", hostKey: "ssh-ed25519 BBBB", by: "anna")
            }
            #expect(added?.code == .conflict)
            #expect(added?.message.contains("the host h0 is at 'aibuild@h0:22' already") == true)
            let changed = await #expect(throws: Refusal.self) {
                try await hosts.change("h1", address: "aibuild@h0:22", hostKey: nil, by: "anna")
            }
            #expect(changed?.code == .conflict)
        }
    }

    @Test("A name that is not possible is refused with one that is")
    func impossibleName() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.run { coordinator in
            for (name, like) in [("主机", "'os-"), ("rack one", "'rack-one-")] {
                let refusal = await #expect(throws: Refusal.self) {
                    _ = try await add(name, coordinator)
                }
                let words = refusal?.description ?? ""
                #expect(words.contains("allowed are A-Z") && words.contains(like), "\(words)")
            }
        }
    }
}
