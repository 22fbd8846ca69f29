import CoordinatorCore
import CoordinatorService
import Testing

/// Reports of pushes: late, twice, at once, and for others.
@Suite(.timeLimit(.minutes(1))) struct PushTests {
    private func withFarm(
        _ body: (TestFarm, PushTrigger, BuildSubmission) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 0, templateServer: FakeTemplateServer())
        try await farm.run { coordinator in
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
            let leader = try coordinator.leading()
            try await body(farm, leader.pushes, leader.submission)
        }
    }

    private func push(
        _ commit: String, ref: String = "main", project: String = "aibuild/a_tpl",
        defaultBranch: String? = nil, skip: String? = nil
    ) -> Push {
        Push(
            project: project, ref: ref, commit: commit, defaultBranch: defaultBranch, skip: skip)
    }

    private func count(_ farm: TestFarm) async throws -> Int {
        try await farm.store.builds(BuildFilter(), limit: 99).count
    }

    @Test("A push builds its guest OS once") func pushBuildsOnce() async throws {
        try await withFarm { farm, pushes, _ in
            #expect(try await pushes.pushed(push("c0ffee"), by: "gitlab").build == "a:1")
            let build = try #require(try await farm.store.build(guestOS: "a", number: 1))
            #expect(build.updateContents == "push of c0ffee to main")
            #expect(
                try await pushes.pushed(push("c0ffee"), by: "gitlab").ignored
                    == "build a:1 is of this commit already")
            #expect(
                try await pushes.pushed(push("c0ffee", ref: "other"), by: "gitlab").ignored
                    == "a is built from main, not from other")
            #expect(
                try await pushes.pushed(
                    push("c0ffee", project: "aibuild/debian_tpl"), by: "gitlab"
                ).ignored == "no guest OS has its template in aibuild/debian_tpl")
            #expect(
                try await pushes.pushed(push("d", skip: "[ci skip]"), by: "gitlab").ignored
                    == "the push says [ci skip]")
            #expect(try await count(farm) == 1)
        }
    }

    @Test("A push that changes nothing of an image is ignored, and the next one counts from there")
    func untouched() async throws {
        try await withFarm { farm, pushes, submission in
            farm.templates.leaveUntouched("c0", "c2")
            farm.templates.commit("c0")
            // Nothing was built yet.
            let first = try await pushes.pushed(push("c0"), by: "gitlab")
            #expect(first.build == "a:1")
            farm.templates.commit("c2")
            let second = try await pushes.pushed(push("c2"), by: "gitlab")
            #expect(second.ignored == "nothing that a is made of has changed since c0")
            // Builds that try something out, or were cancelled, stand for no commit.
            farm.templates.commit("c3")
            _ = try await submission.submit(
                guestOS: "a", PlanChange(variables: ["x": "1"]), priority: 0, owner: nil,
                reason: "", by: "anna")
            let third = try await pushes.pushed(push("c3"), by: "gitlab")
            #expect(third.build == "a:3")
        }
    }

    private func pushOthers(_ count: Int, _ farm: TestFarm, _ pushes: PushTrigger) async throws {
        for number in 0..<count {
            farm.templates.commit("c\(number)")
            let outcome = try await pushes.pushed(push("c\(number)"), by: "gitlab")
            #expect(outcome.build != nil)
        }
    }

    @Test("A late report of an older commit builds nothing again") func lateReport() async throws {
        try await withFarm { farm, pushes, _ in
            farm.templates.commit("bbb")
            let first = try await pushes.pushed(push("bbb"), by: "gitlab")
            #expect(first.build == "a:1")
            let late = try await pushes.pushed(push("aaa"), by: "gitlab")
            #expect(late.ignored == "build a:1 is of this commit already")
            // Years and many builds later.
            try await pushOthers(21, farm, pushes)
            let again = try await pushes.pushed(push("bbb"), by: "gitlab")
            #expect(again.ignored == "build a:1 is of this commit already")
            let builds = try await count(farm)
            #expect(builds == 22)
        }
    }

    @Test("Reports that arrive at once start one build") func reportsAtOnce() async throws {
        try await withFarm { farm, pushes, _ in
            let outcomes = try await withThrowingTaskGroup(
                of: PushTrigger.PushOutcome.self
            ) { group in
                for _ in 0..<8 {
                    group.addTask { try await pushes.pushed(push("c0ffee"), by: "gitlab") }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.compactMap(\.build) == ["a:1"])
            #expect(outcomes.compactMap(\.ignored).count == 7)
            #expect(try await count(farm) == 1)
        }
    }

    @Test("A commit that somebody submitted is not built again by its report")
    func submittedByHand() async throws {
        try await withFarm { _, pushes, submission in
            _ = try await submission.submit(
                guestOS: "a", priority: 0, owner: nil, reason: "by hand", by: "anna")
            #expect(
                try await pushes.pushed(push("c0ffee"), by: "gitlab").ignored
                    == "build a:1 is of this commit already")
        }
    }

    @Test("The default branch is that of the report, or of the repository")
    func defaultBranch() async throws {
        try await withFarm { farm, pushes, _ in
            try await farm.leader.add(
                GuestOS(
                    id: "d", name: "d", type: .linux, distro: "", version: "", baseISO: "",
                    template: .git(url: "https://git/x/d.git", ref: "HEAD"), owner: "o",
                    createdMilliseconds: 0))
            func report(_ push: Push) async throws -> PushTrigger.PushOutcome {
                try await pushes.pushed(push, by: "gitlab")
            }
            let project = "x/d"
            #expect(
                try await report(
                    push("c0ffee", ref: "next", project: project, defaultBranch: "master")
                ).ignored == "d is built from master, not from next")
            #expect(
                try await report(push("feature", ref: "next", project: project)).ignored
                    == "next is not the newest commit of the default branch")
            #expect(
                try await report(
                    push("c0ffee", ref: "master", project: project, defaultBranch: "master")
                ).build == "d:1")
        }
    }

    @Test("A push to a repository of several guest OSes builds each of them")
    func severalGuestOSes() async throws {
        try await withFarm { farm, pushes, _ in
            for (name, ref) in [("b", "main"), ("c", "stable")] {
                try await farm.leader.add(
                    GuestOS(
                        id: name, name: name, type: .linux, distro: "", version: "", baseISO: "",
                        template: .git(url: "https://git/aibuild/a_tpl.git", ref: ref),
                        owner: "o", createdMilliseconds: 0))
            }
            let outcome = try await pushes.pushed(push("c0ffee"), by: "gitlab")
            #expect(outcome.builds == ["a:1", "b:1"])
            #expect(outcome.ignored == "c is built from stable, not from main")
        }
    }

    @Test("A push to a repository of two templates in folders builds both")
    func severalFolders() async throws {
        try await withFarm { farm, pushes, _ in
            for (name, path) in [("b", "images/b"), ("c", "images/c")] {
                try await farm.leader.add(
                    GuestOS(
                        id: name, name: name, type: .linux, distro: "", version: "", baseISO: "",
                        template: .git(url: "https://git/aibuild/all.git", ref: "main"),
                        templatePath: path, owner: "o", createdMilliseconds: 0))
            }
            let report = push("c0ffee", project: "aibuild/all")
            #expect(try await pushes.pushed(report, by: "gitlab").builds == ["b:1", "c:1"])
            let again = try await pushes.pushed(report, by: "gitlab")
            #expect(
                again.ignored
                    == "build b:1 is of this commit already; build c:1 is of this commit already")
        }
    }

    @Test("A report whose outcome takes too long is answered, and handled all the same")
    func slowTemplate() async throws {
        try await withFarm { _, pushes, _ in
            let outcome = try await pushes.pushed(
                push("c0ffee"), by: "gitlab", limitMilliseconds: -1)
            #expect(outcome.pending != nil || outcome.build == "a:1")
            #expect(
                try await pushes.pushed(push("c0ffee"), by: "gitlab").ignored
                    == "build a:1 is of this commit already")
        }
    }
}
