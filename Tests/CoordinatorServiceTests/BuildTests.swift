import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import TestSupport
import Testing

/// From submission to the web root.
@Suite struct BuildTests {
    @Test("A build is built, pulled and published")
    func published() async throws {
        let farm = try await TestFarm(hosts: 1)
        let image = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        await farm.agents[0].change { $0.plan = .pass(image) }
        try await farm.runBuild { coordinator, build in
            let passed = try await farm.wait(build, .passed, .failed, .cancelled)
            #expect(passed.state == .passed)
            #expect(passed.fault == nil)
            #expect(passed.image?.name == "debianx86_64_20251121_1.qcow2")
            #expect(passed.image?.sha256 == SHA256.hex(image))

            let token = try #require(passed.attempt)
            #expect(try await farm.faults(build) == ["h0 passed"])
            let attempt = try #require(try await farm.store.attempt(token))
            let log = await farm.logs.files[token] ?? []
            #expect(log.count > 0 && attempt.logSHA256 == SHA256.hex(log))
            #expect(attempt.accelerator == .tcg)

            let publication = try #require(await farm.webRoot.published.first)
            #expect(publication.artifacts.map(\.name) == ["disk.qcow2"])
            #expect(String(decoding: publication.record, as: UTF8.self).contains(token.text))
            let published = try #require(passed.image)
            #expect(await farm.webRoot.content(of: published) == image)
            #expect(
                try await farm.store.buildLog(guestOSID: "os-1", limit: 9).map(\.id) == [build.id])

            try await eventually("the agent may forget it") { await farm.agents[0].tokens.isEmpty }
            #expect(try await coordinator.find(build.id)?.0.state == .passed)
        }
    }

    @Test("Many builds fill all hosts, and all pass")
    func manyBuilds() async throws {
        let farm = try await TestFarm(hosts: 4, slots: 3)
        try await farm.run { coordinator in
            for agent in farm.agents { await agent.change { $0.plan = .hang } }
            var builds: [Build] = []
            for _ in 0..<60 { builds.append(try await farm.submit(coordinator)) }
            for agent in farm.agents {
                try await eventually("\(agent.name) is full") { await agent.running.count == 3 }
                await agent.change { $0.plan = .pass([1]) }
                for token in await agent.running { await agent.end(token, .pass([1])) }
            }
            for build in builds { try await farm.wait(build, .passed) }
            #expect(await farm.webRoot.published.count == 60)
            #expect(Set(builds.map(\.number)) == Set(1...60))
        }
    }

    @Test("A template fault ends the build with its reason, without a retry")
    func templateFault() async throws {
        let farm = try await TestFarm(hosts: 2)
        for agent in farm.agents {
            await agent.change {
                $0.plan = .fail(Fault(.template, .packerFailed, "no such file: x"))
            }
        }
        try await farm.runBuild { _, build in
            let failed = try await farm.wait(build, .failed, .passed)
            #expect(failed.fault == Fault(.template, .packerFailed, "no such file: x"))
            #expect(try await farm.faults(build).count == 1, "no retry")
            let token = try #require(failed.attempt)
            let log = String(decoding: await farm.logs.files[token] ?? [], as: UTF8.self)
            #expect(log.contains("no such file: x"), "the log is kept")
        }
    }

    @Test("An infrastructure fault is retried on another host")
    func infrastructureFault() async throws {
        let farm = try await TestFarm(hosts: 2)
        await farm.agents[0].change { $0.plan = .fail(Fault(.infrastructure, .diskFull, "full")) }
        try await farm.runBuild { _, build in
            let waiting = try await farm.wait(build, .queued, .passed)
            #expect(waiting.state == .queued || waiting.host == "h0")
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 host.disk_full", "h1 passed"])
        }
    }

    @Test("A host that refuses for lack of room is not blamed, and the build goes elsewhere")
    func fullHost() async throws {
        let farm = try await TestFarm(hosts: 2)
        await farm.agents[0].change { $0.plan = .answer(.refused) }
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 host.refused", "h1 passed"])
        }
    }

    @Test("A build fails after five attempts")
    func fiveAttempts() async throws {
        let farm = try await TestFarm(hosts: 2)
        for agent in farm.agents {
            await agent.change { $0.plan = .fail(Fault(.infrastructure, .diskFull, "full")) }
        }
        try await farm.runBuild { _, build in
            let failed = try await farm.wait(build, .failed, .passed, passing: 1_000)
            #expect(failed.fault?.reason == "gave up after 5 attempts; last: full")
            #expect(try await farm.faults(build).count == 5)
        }
    }

    @Test("Two faults in a row quarantine a host")
    func twoFaultsQuarantine() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .fail(Fault(.infrastructure, .diskFull, "full")) }
        try await farm.runBuild { coordinator, build in
            try await eventually("two attempts failed") {
                await farm.clock.advance(milliseconds: 100)
                return try await farm.faults(build) == ["h0 host.disk_full", "h0 host.disk_full"]
            }
            let host = try await coordinator.leading().hosts.snapshot("h0")
            #expect(host.state == "quarantined")
            #expect(host.detail.contains("after 2 faults in a row, last: full"), "\(host.detail)")
            #expect(
                await coordinator.leader?.tracker.explain(build.id)?.hosts.first?.reason.contains(
                    "quarantined")
                    == true)
            // The quarantine and the delay end, and the host is fixed meanwhile.
            await farm.agents[0].change { $0.plan = .pass([1]) }
            try await farm.wait(build, .passed, passing: 500)
            #expect(try await coordinator.leading().hosts.snapshot("h0").state == "ready")
        }
    }

    @Test("Resuming a host ends its quarantine")
    func resumeEndsQuarantine() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .fail(Fault(.infrastructure, .diskFull, "full")) }
        try await farm.runBuild { coordinator, build in
            try await eventually("it is quarantined") {
                await farm.clock.advance(milliseconds: 100)
                return try await coordinator.leading().hosts.snapshot("h0").state == "quarantined"
            }
            let host = try await coordinator.leading().hosts.resume("h0", by: "anna")
            #expect(host.state == "ready")
            await farm.agents[0].change { $0.plan = .pass([1]) }
            try await farm.wait(build, .passed, passing: 100)
        }
    }

    @Test("A drained host finishes what it has and gets nothing new")
    func drainedHost() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.run { coordinator in
            let first = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: farm.agents[0])
            #expect(
                try await coordinator.leading().hosts.drain("h0", by: "anna").host.drain != nil)
            let second = try await farm.submit(coordinator)
            await farm.agents[0].end(token, .pass([1, 2]))
            try await farm.wait(first, .passed)
            #expect(try await farm.store.build(id: second.id)?.state == .queued)
            #expect(
                await coordinator.leader?.tracker.explain(second.id)?.hosts.first?.reason
                    == "is drained")
            await farm.agents[0].change { $0.plan = .pass([1]) }
            _ = try await coordinator.leading().hosts.resume("h0", by: "anna")
            try await farm.wait(second, .passed)
            let actions = try await farm.store.audit(limit: 9).map { "\($0.actor) \($0.action)" }
            #expect(actions.contains("anna host.drain") && actions.contains("anna host.resume"))
        }
    }

    @Test("A host gets another address and key while a build runs there, which goes on")
    func changedHost() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.run { coordinator in
            let build = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: farm.agents[0])
            let opens = farm.gateway.opens("h0")
            let changed = try await coordinator.leading().hosts.change(
                "h0", address: "aibuild@h0.new:2222", hostKey: "ssh-ed25519 BBBB", by: "anna")
            #expect(changed.host.address == "aibuild@h0.new:2222")
            #expect(try await farm.store.hosts().map(\.hostKey) == ["ssh-ed25519 BBBB"])
            try await eventually("it is connected anew") { farm.gateway.opens("h0") > opens }
            await farm.agents[0].end(token, .pass([1, 2]))
            try await farm.wait(build, .passed)
            #expect(try await farm.store.attempts(ofBuild: build.id).count == 1)
            await #expect(throws: StoreError.self) {
                try await coordinator.leading().hosts.change(
                    "h9", address: nil, hostKey: "ssh-ed25519 BBBB", by: "anna")
            }
            await #expect(throws: Refusal.self) {
                try await coordinator.leading().hosts.change(
                    "h0", address: "nowhere", hostKey: nil, by: "anna")
            }
        }
    }

    @Test("A build that no host can ever take fails at once")
    func impossibleBuild() async throws {
        let farm = try await TestFarm(hosts: 2)
        farm.templates.require(Requirements(vcpus: 100))
        try await farm.runBuild { _, build in
            let failed = try await farm.wait(build, .failed)
            #expect(failed.fault?.code == .impossible)
            #expect(failed.fault?.reason.contains("h0: needs 100 vCPUs, the host has 8") == true)
        }
    }

    @Test("A full web root holds builds until there is room")
    func aFullWebRootHoldsBuildsUntilThereIsRoom() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.webRoot.setFree(1 << 20)
        try await farm.runBuild { coordinator, build in
            try await eventually("it says why") {
                await coordinator.leader?.tracker.explain(build.id)?.summary.contains(
                    "the web root has 1 MiB free")
                    == true
            }
            await farm.webRoot.setFree(1 << 40)
            try await farm.wait(build, .passed, passing: 100)
        }
    }

    @Test("The higher priority goes first")
    func higherPriorityGoesFirst() async throws {
        let farm = try await TestFarm(hosts: 1, slots: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.run { coordinator in
            _ = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: farm.agents[0])
            let usual = try await farm.submit(coordinator)
            let urgent = try await farm.submit(coordinator, priority: 9)
            #expect(
                try await coordinator.leading().tracker.queue(limit: 9).map(\.0.id) == [
                    urgent.id, usual.id,
                ])
            await farm.agents[0].end(token, .pass([1]))
            try await farm.wait(urgent, .building)
            #expect(try await farm.store.build(id: usual.id)?.state == .queued)
        }
    }

    @Test("A slot is free once the host has finished, while the image is still being pulled")
    func slotIsFreeWhilePulling() async throws {
        let farm = try await TestFarm(hosts: 1, slots: 1)
        farm.gateway.hold(true)
        try await farm.run { coordinator in
            let first = try await farm.submit(coordinator)
            try await farm.wait(first, .collecting)
            await farm.agents[0].change { $0.plan = .hang }
            let second = try await farm.submit(coordinator)
            try await farm.wait(second, .building)
            #expect(try await farm.store.build(id: first.id)?.state == .collecting)
            #expect(try await coordinator.leading().hosts.snapshot("h0").running == 2)
        }
    }

    @Test("A build whose instructions do not fit a message is refused when it is submitted")
    func oversizedStart() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.variables(["a": String(repeating: "x", count: ProtocolLimits.lineBytes)])
        try await farm.run { coordinator in
            let fault = await #expect(throws: TemplateFault.self) {
                try await farm.submit(coordinator)
            }
            #expect(fault?.description.contains("instructions for the host") == true)
            let builds = try await farm.store.builds(BuildFilter(), limit: 9)
            #expect(builds.isEmpty)
        }
    }

    @Test("A template that no host can build is refused when it is submitted, and says why")
    func unbuildableTemplate() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            // A host that has not reported yet may have what it needs.
            try await farm.wait(try await farm.submit(coordinator), .passed)
            farm.templates.needKVM("the template asks for kvm (a.json:1:2)")
            let refusal = await #expect(throws: Refusal.self) {
                try await farm.submit(coordinator)
            }
            #expect(
                refusal?.description
                    == "no host can build this template: host h0 has tcg, but the template asks "
                    + "for kvm (a.json:1:2)")
            #expect(try await farm.store.builds(BuildFilter(), limit: 9).count == 1)
        }
    }

    /// An older coordinator took it.
    @Test("A queued build whose instructions do not fit a message fails, and its host works on")
    func oversizedQueuedBuild() async throws {
        let farm = try await TestFarm(hosts: 1, slots: 1)
        let guestOS = try #require(try await farm.store.guestOS(named: "debian"))
        var plan = try await farm.templates.plan(for: guestOS)
        plan.recipe.variables = ["a": String(repeating: "x", count: ProtocolLimits.lineBytes)]
        let build = try await farm.leader.enqueue(
            NewBuild(
                id: "old", guestOSID: guestOS.id, guestOS: guestOS.name, priority: 0,
                owner: "team", plan: plan, updateContents: "", submittedMilliseconds: 0))
        try await farm.run { coordinator in
            let failed = try await farm.wait(build, .failed)
            #expect(failed.fault?.code == .templateInvalid)
            #expect(farm.gateway.opens("h0") == 1, "the session goes on")
            try await farm.wait(try await farm.submit(coordinator), .passed)
        }
    }
}
