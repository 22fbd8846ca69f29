import CoordinatorService
import TestSupport
import Testing

@Suite struct ChangeHubTests {
    /// Whether the wait ends; otherwise it is cancelled.
    private func ends(_ hub: ChangeHub, _ key: String, after seen: UInt64) async throws {
        let done = Flag()
        let task = Task {
            await hub.wait(key, after: seen)
            await done.raise()
        }
        defer { task.cancel() }
        try await eventually("the follower of \(key) is woken") { await done.isUp }
    }

    @Test("A change before the wait is not missed")
    func changeBeforeWait() async throws {
        let hub = ChangeHub()
        let seen = await hub.now()
        await hub.bump("a")
        try await ends(hub, "a", after: seen)
    }

    /// A follower takes the version, reads that the build runs, and only then waits: the build's
    /// end, after which its key is retired, must wake it nevertheless.
    @Test("The last change of a retired key is not missed")
    func lastChangeBeforeWait() async throws {
        let hub = ChangeHub()
        await hub.bump("a")
        let seen = await hub.now()
        await hub.retire("a")
        try await ends(hub, "a", after: seen)
    }

    @Test("A change wakes only those who follow its key")
    func wakesFollowersOfKey() async throws {
        let hub = ChangeHub()
        let seen = await hub.now()
        let woken = Flag()
        let other = Flag()
        let first = Task {
            await hub.wait("a", after: seen)
            await woken.raise()
        }
        let second = Task {
            await hub.wait("b", after: seen)
            await other.raise()
        }
        for _ in 0..<100 { await Task.yield() }
        await hub.bump("a")
        try await eventually("a is woken") { await woken.isUp }
        #expect(await !other.isUp)
        second.cancel()
        try await eventually("a follower that is called off goes") { await other.isUp }
        first.cancel()
    }

    @Test("Retiring a key wakes those who wait for it")
    func retiredKey() async throws {
        let hub = ChangeHub()
        let seen = await hub.now()
        let woken = Flag()
        let task = Task {
            await hub.wait("a", after: seen)
            await woken.raise()
        }
        for _ in 0..<100 { await Task.yield() }
        await hub.retire("a")
        try await eventually("it is woken") { await woken.isUp }
        task.cancel()
    }
}
