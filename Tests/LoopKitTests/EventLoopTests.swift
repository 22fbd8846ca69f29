import Glibc
import LoopKit
import Support
import Testing

/// Two connected sockets, both non-blocking.
final class SocketPair: Sendable {
    let near: Int32
    let far: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
        (near, far) = (ends[0], ends[1])
    }

    deinit {
        close(near)
        close(far)
    }

    func sendByte() throws { try #require(write(far, [1], 1) == 1) }

    /// Writes from the near end until nothing more fits.
    func fill() throws {
        let block = [UInt8](repeating: 7, count: 65536)
        while write(near, block, block.count) > 0 {}
        try #require(errno == EAGAIN)
    }

    func drain() {
        var block = [UInt8](repeating: 0, count: 65536)
        while read(far, &block, block.count) > 0 {}
    }
}

let loop = Result { try EventLoop(name: "test-loop") }

/// Runs on the loop, and says so.
actor Resident {
    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var count = 0

    init(_ loop: EventLoop) { self.loop = loop }

    func increment() -> Bool {
        count += 1
        return loop.isIsolatingCurrentContext() == true
    }

    func total() -> Int { count }

    /// Waits, and is woken by the actor's next job. False: it was not waiting yet, because it had
    /// left the loop first.
    func waitsBeforeOthersRun(_ fd: Int32) async throws -> Bool {
        Task { loop.wake(fd: fd) }
        let deadline = Clocks.monotonicMilliseconds() + 30_000
        return try await loop.wait(fd: fd, for: .readable, deadlineMilliseconds: deadline)
    }

    func waitAndReturn(_ fd: Int32) async throws -> Bool {
        _ = try await loop.wait(fd: fd, for: .readable)
        return loop.isIsolatingCurrentContext() == true
    }
}

@Suite(.timeLimit(.minutes(1))) struct EventLoopTests {
    @Test("An actor of the loop runs on its thread") func actorRunsOnTheLoop() async throws {
        let resident = Resident(try loop.get())
        await withTaskGroup { group in
            for _ in 0..<1000 { group.addTask { await resident.increment() } }
            for await isOnLoop in group { #expect(isOnLoop) }
        }
        #expect(await resident.total() == 1000)
        #expect(try loop.get().isIsolatingCurrentContext() == false)
    }

    @Test("An actor returns to the loop after it waited") func actorReturnsToTheLoopAfterWaiting()
        async throws
    {
        let pair = try SocketPair()
        let resident = Resident(try loop.get())
        async let isOnLoop = resident.waitAndReturn(pair.near)
        try pair.sendByte()
        #expect(try await isOnLoop)
        try loop.get().forget(fd: pair.near)
    }

    @Test("An actor does not leave the loop before it waits") func waitingBeginsOnTheLoop()
        async throws
    {
        let resident = Resident(try loop.get())
        for _ in 0..<100 {
            let pair = try SocketPair()
            #expect(try await resident.waitsBeforeOthersRun(pair.near))
            try loop.get().forget(fd: pair.near)
        }
    }

    @Test("A readable descriptor wakes its reader and not its writer")
    func readableWakesTheReaderOnly() async throws {
        let loop = try loop.get()
        let pair = try SocketPair()
        try pair.fill()
        let writer = Task.immediate { try await loop.wait(fd: pair.near, for: .writable) }
        let reader = Task.immediate { try await loop.wait(fd: pair.near, for: .readable) }
        try pair.sendByte()
        #expect(try await reader.value)
        // The writer is still waiting, and wakes when there is room.
        let deadline = Clocks.monotonicMilliseconds() + 20
        let hasRoom = try await loop.wait(
            fd: pair.near, for: .writable, deadlineMilliseconds: deadline)
        #expect(!hasRoom)
        pair.drain()
        #expect(try await writer.value)
        loop.forget(fd: pair.near)
    }

    @Test("Several tasks can wait for one descriptor") func severalTasksWaitForTheSame()
        async throws
    {
        let loop = try loop.get()
        let pair = try SocketPair()
        let first = Task.immediate { try await loop.wait(fd: pair.near, for: .readable) }
        let second = Task.immediate { try await loop.wait(fd: pair.near, for: .readable) }
        try pair.sendByte()
        #expect(try await first.value)
        #expect(try await second.value)
        loop.forget(fd: pair.near)
    }

    @Test("A wait ends at its deadline") func deadlinePasses() async throws {
        let loop = try loop.get()
        let pair = try SocketPair()
        let before = Clocks.monotonicMilliseconds()
        let isReady = try await loop.wait(
            fd: pair.near, for: .readable, deadlineMilliseconds: before + 30)
        #expect(!isReady)
        #expect(Clocks.monotonicMilliseconds() >= before + 30)
        loop.forget(fd: pair.near)
    }

    /// A shorter sleep that begins later must change what the loop waits for.
    @Test("A long sleep does not hide a short one") func aLongSleepDoesNotHideAShortOne()
        async throws
    {
        let loop = try loop.get()
        let long = Task.immediate { try await loop.sleep(untilMilliseconds: .max) }
        for milliseconds in [Int64(50), 20, 5, 0, -5] {
            let deadline = Clocks.monotonicMilliseconds() + milliseconds
            try await loop.sleep(untilMilliseconds: deadline)
            #expect(Clocks.monotonicMilliseconds() >= deadline)
        }
        long.cancel()
        await #expect(throws: CancellationError.self) { try await long.value }
    }

    @Test("A cancellation ends a wait and a sleep") func cancellationEndsAWaitAndASleep()
        async throws
    {
        let loop = try loop.get()
        let pair = try SocketPair()
        let wait = Task { _ = try await loop.wait(fd: pair.near, for: .readable) }
        let sleep = Task { try await loop.sleep(untilMilliseconds: .max) }
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await loop.sleep(untilMilliseconds: .max)
        }
        wait.cancel()
        sleep.cancel()
        for task in [wait, sleep, late] {
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        loop.forget(fd: pair.near)
    }

    @Test("Forgetting a descriptor wakes its waiters and frees its number")
    func forgetWakesAndTheNumberCanBeUsedAgain() async throws {
        let loop = try loop.get()
        let (old, new) = (try SocketPair(), try SocketPair())
        // An immediate task runs until it waits before the next line is reached.
        let waiting = Task.immediate { try await loop.wait(fd: old.near, for: .readable) }
        loop.forget(fd: old.near)
        #expect(try await waiting.value)

        try #require(dup2(new.near, old.near) == old.near)
        try new.sendByte()
        #expect(try await loop.wait(fd: old.near, for: .readable))
        loop.forget(fd: old.near)
    }

    @Test("Waiting for a file is an error") func aFileCannotBeWaitedFor() async throws {
        let file = try Descriptor("/proc/self/exe", O_RDONLY)
        let loop = try loop.get()
        await #expect(throws: SystemError.self) {
            _ = try await loop.wait(fd: file.raw, for: .readable)
        }
        _ = consume file  // open until here
    }

    @Test("Waits that end early leave no timers") func manyWaitsWithFarDeadlines()
        async throws
    {
        let loop = try loop.get()
        let pair = try SocketPair()
        try pair.sendByte()
        let farAway = Clocks.monotonicMilliseconds() + 3_600_000
        for _ in 0..<5000 {
            #expect(
                try await loop.wait(fd: pair.near, for: .readable, deadlineMilliseconds: farAway))
        }
        loop.forget(fd: pair.near)
    }
}
