import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// Reports of pushes: late, twice, at once, and for others.
@Suite(.timeLimit(.minutes(1))) struct PushTests {
    private func withFarm(
        _ body: (TestFarm, Coordinator) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 0, templateServer: FakeTemplateServer())
        try await farm.run { coordinator in
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
            try await body(farm, coordinator)
        }
    }

    private func push(
        _ commit: String, ref: String = "main", project: String = "aibuild/a_tpl",
        defaultBranch: String? = nil, skip: String? = nil
    ) -> GitReport {
        GitReport(
            .push, project: project, ref: ref, commit: commit, defaultBranch: defaultBranch,
            skip: skip)
    }

    private func count(_ farm: TestFarm) async throws -> Int {
        try await farm.store.builds(BuildFilter(), limit: 99).count
    }

    @Test("A push builds its guest OS once") func pushBuildsOnce() async throws {
        try await withFarm { farm, coordinator in
            let first = try await farm.deliver(push("c0ffee"), coordinator)
            #expect(first.builds == ["a:1"] && first.state == .handled)
            let build = try #require(try await farm.store.build(guestOS: "a", number: 1))
            #expect(build.updateContents == "push of c0ffee to main")
            #expect(
                build.plan.origin
                    == BuildOrigin(
                        kind: .push, hook: "gitlab", project: "aibuild/a_tpl", ref: "main",
                        delivery: first.id))
            for (report, reason) in [
                (push("c0ffee"), "build a:1 is of this commit already"),
                (push("c0ffee", ref: "other"), "a is built from main, not from other"),
                (
                    push("c0ffee", project: "aibuild/debian_tpl"),
                    "no guest OS has its template in aibuild/debian_tpl"
                ),
                (push("d", skip: "[ci skip]"), "the push says [ci skip]"),
            ] {
                let ignored = try await farm.deliver(report, coordinator)
                #expect(ignored.state == .ignored && ignored.outcome == reason)
            }
            #expect(try await count(farm) == 1)
        }
    }

    @Test("A push that changes nothing of an image is ignored, and the next one counts from there")
    func untouched() async throws {
        try await withFarm { farm, coordinator in
            farm.templates.leaveUntouched("c0", "c2")
            farm.templates.commit("c0")
            // Nothing was built yet.
            let first = try await farm.deliver(push("c0"), coordinator)
            #expect(first.builds == ["a:1"])
            farm.templates.commit("c2")
            let second = try await farm.deliver(push("c2"), coordinator)
            #expect(second.outcome == "nothing that a is made of has changed since c0")
            // Builds that try something out, or were cancelled, stand for no commit.
            farm.templates.commit("c3")
            _ = try await coordinator.leading().submission.submit(
                guestOS: "a", PlanChange(variables: ["x": "1"]), priority: 0, owner: nil,
                reason: "", by: "anna")
            let third = try await farm.deliver(push("c3"), coordinator)
            #expect(third.builds == ["a:3"])
        }
    }

    @Test("A build tells the commits since the last good one, not since one that failed")
    func contents() async throws {
        let farm = try await TestFarm(hosts: 1, templateServer: FakeTemplateServer())
        farm.templates.set(subjects: ["third", "second"], since: "c1")
        farm.templates.set(subjects: ["third"], since: "c2")
        try await farm.run { coordinator in
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
            var told: [String] = []
            for (number, commit) in ["c1", "c2", "c3"].enumerated() {
                let fails = commit == "c2"
                for agent in farm.agents {
                    await agent.change {
                        $0.plan =
                            fails
                            ? .fail(Fault(.template, .packerFailed, "no"))
                            : .pass(Array("image".utf8))
                    }
                }
                farm.templates.commit(commit)
                let handled = try await farm.deliver(push(commit), coordinator)
                #expect(handled.builds == ["a:\(number + 1)"])
                let build = try #require(
                    try await farm.store.build(guestOS: "a", number: number + 1))
                told.append(build.updateContents)
                _ = try await farm.wait(build, fails ? .failed : .passed, passing: 100)
            }
            #expect(
                told == [
                    "push of c1 to main", "push of c2 to main: third; second",
                    "push of c3 to main: third; second",
                ])
        }
    }

    @Test("A late report of an older commit builds nothing again") func lateReport() async throws {
        try await withFarm { farm, coordinator in
            farm.templates.commit("bbb")
            let first = try await farm.deliver(push("bbb"), coordinator)
            #expect(first.builds == ["a:1"])
            let late = try await farm.deliver(push("aaa"), coordinator)
            #expect(late.outcome == "main is at bbb by now, of which build a:1 is")
            // Years and many builds later.
            for number in 0..<21 {
                farm.templates.commit("c\(number)")
                let other = try await farm.deliver(push("c\(number)"), coordinator)
                #expect(other.builds.count == 1)
            }
            let again = try await farm.deliver(push("bbb"), coordinator)
            #expect(again.outcome == "build a:1 is of this commit already")
            #expect(try await count(farm) == 22)
        }
    }

    @Test("Reports that arrive at once start one build, and the newest stands for the others")
    func reportsAtOnce() async throws {
        let farm = try await TestFarm(hosts: 0, templateServer: FakeTemplateServer())
        try await farm.run { coordinator in
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
        }
        // The next coordinator finds all at its first look.
        var stored: [Delivery] = []
        for _ in 0..<8 { stored.append(try await farm.receive(push("c0ffee"))) }
        try await farm.run { _ in
            var ended: [Delivery] = []
            for delivery in stored { ended.append(try await farm.handled(delivery)) }
            #expect(ended.flatMap(\.builds) == ["a:1"])
            #expect(ended.last?.builds == ["a:1"])
            let reason = "delivery \(stored[7].id) reports a later push to main"
            #expect(ended.dropLast().allSatisfy { $0.outcome == reason })
            #expect(try await count(farm) == 1)
        }
    }

    @Test("A commit that somebody submitted is not built again by its report")
    func submittedByHand() async throws {
        try await withFarm { farm, coordinator in
            _ = try await coordinator.leading().submission.submit(
                guestOS: "a", priority: 0, owner: nil, reason: "by hand", by: "anna")
            let ignored = try await farm.deliver(push("c0ffee"), coordinator)
            #expect(ignored.outcome == "build a:1 is of this commit already")
        }
    }

    private func add(
        _ farm: TestFarm, _ name: String, _ url: String, ref: String, path: String? = nil
    ) async throws {
        try await farm.leader.add(
            GuestOS(
                id: name, name: name, type: .linux, distro: "", version: "", baseISO: "",
                template: .git(url: url, ref: ref), templatePath: path, owner: "o",
                createdMilliseconds: 0))
    }

    @Test("The default branch is that of the report, or of the repository")
    func defaultBranch() async throws {
        try await withFarm { farm, coordinator in
            try await add(farm, "d", "https://git/x/d.git", ref: "HEAD")
            let project = "x/d"
            let named = try await farm.deliver(
                push("c0ffee", ref: "next", project: project, defaultBranch: "master"),
                coordinator)
            #expect(named.outcome == "d is built from master, not from next")
            let other = try await farm.deliver(
                push("fea", ref: "next", project: project), coordinator)
            #expect(other.outcome == "next is not the newest commit of the default branch")
            let built = try await farm.deliver(
                push("c0ffee", ref: "master", project: project, defaultBranch: "master"),
                coordinator)
            #expect(built.builds == ["d:1"])
        }
    }

    @Test("A push to a repository of several guest OSes builds each of them")
    func severalGuestOSes() async throws {
        try await withFarm { farm, coordinator in
            for (name, ref) in [("b", "main"), ("c", "stable")] {
                try await add(farm, name, "https://git/aibuild/a_tpl.git", ref: ref)
            }
            let outcome = try await farm.deliver(push("c0ffee"), coordinator)
            #expect(outcome.builds == ["a:1", "b:1"])
            #expect(outcome.outcome == "c is built from stable, not from main")
        }
    }

    @Test("A push to a repository of two templates in folders builds both")
    func severalFolders() async throws {
        try await withFarm { farm, coordinator in
            for (name, path) in [("b", "images/b"), ("c", "images/c")] {
                try await add(
                    farm, name, "https://git/aibuild/all.git", ref: "main", path: path)
            }
            let report = push("c0ffee", project: "aibuild/all")
            let first = try await farm.deliver(report, coordinator)
            #expect(first.builds == ["b:1", "c:1"])
            let again = try await farm.deliver(report, coordinator)
            #expect(
                again.outcome
                    == "build b:1 is of this commit already; build c:1 is of this commit already")
        }
    }
}
