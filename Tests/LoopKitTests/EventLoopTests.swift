import Glibc
import LoopKit
import Support
import Testing

/// A pair of connected sockets, both ends non-blocking.
func socketPair() throws -> (Descriptor, Descriptor) {
    var ends: [Int32] = [0, 0]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
    return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
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

    func waitAndReturn(_ fd: Int32) async throws -> Bool {
        _ = try await loop.wait(fd: fd, for: .readable)
        return loop.isIsolatingCurrentContext() == true
    }
}

@Suite struct EventLoopTests {
    @Test func actorRunsOnTheLoop() async throws {
        let resident = Resident(try loop.get())
        await withTaskGroup { group in
            for _ in 0..<1000 { group.addTask { await resident.increment() } }
            for await isOnLoop in group { #expect(isOnLoop) }
        }
        #expect(await resident.total() == 1000)
        #expect(try loop.get().isIsolatingCurrentContext() == false)
    }

    @Test func actorReturnsToTheLoopAfterWaiting() async throws {
        let (near, far) = try socketPair()
        let resident = Resident(try loop.get())
        let number = near.raw
        async let isOnLoop = resident.waitAndReturn(number)
        try far.writeAll([1])
        #expect(try await isOnLoop)
        try loop.get().forget(fd: near.raw)
    }

    @Test func readableWakesTheReaderOnly() async throws {
        let loop = try loop.get()
        let (near, far) = try socketPair()
        try fill(near)
        let number = near.raw
        let writer = Task { try await loop.wait(fd: number, for: .writable) }
        let reader = Task { try await loop.wait(fd: number, for: .readable) }
        try far.writeAll([1])
        #expect(try await reader.value)
        // The writer is still waiting, and wakes when there is room.
        let late = Clocks.monotonicMilliseconds() + 20
        #expect(try await loop.wait(fd: number, for: .writable, deadlineMilliseconds: late) == false)
        drain(far)
        #expect(try await writer.value)
        loop.forget(fd: number)
    }

    @Test func severalTasksWaitForTheSame() async throws {
        let loop = try loop.get()
        let (near, far) = try socketPair()
        let number = near.raw
        let first = Task { try await loop.wait(fd: number, for: .readable) }
        let second = Task { try await loop.wait(fd: number, for: .readable) }
        try far.writeAll([1])
        #expect(try await first.value)
        #expect(try await second.value)
        loop.forget(fd: number)
    }

    @Test func deadlinePasses() async throws {
        let loop = try loop.get()
        let (near, _) = try socketPair()
        let before = Clocks.monotonicMilliseconds()
        let isReady = try await loop.wait(
            fd: near.raw, for: .readable, deadlineMilliseconds: before + 30)
        #expect(!isReady)
        #expect(Clocks.monotonicMilliseconds() >= before + 30)
        loop.forget(fd: near.raw)
    }

    @Test func sleepersWakeInOrder() async throws {
        let loop = try loop.get()
        let start = Clocks.monotonicMilliseconds() + 50
        let order = await withTaskGroup(of: Int64.self) { group in
            for step in [Int64](0..<10).shuffled() {
                group.addTask {
                    try? await loop.sleep(untilMilliseconds: start + 20 * step)
                    return Clocks.monotonicMilliseconds() >= start + 20 * step ? step : -1
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(order == order.sorted())
        #expect(order.first == 0)
    }

    @Test func cancellationEndsAWaitAndASleep() async throws {
        let loop = try loop.get()
        let (near, _) = try socketPair()
        let number = near.raw
        let wait = Task { _ = try await loop.wait(fd: number, for: .readable) }
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
        loop.forget(fd: number)
    }

    @Test func forgetWakesAndTheNumberCanBeUsedAgain() async throws {
        let loop = try loop.get()
        var (near, far) = try socketPair()
        let number = near.raw
        let waiting = Task { try await loop.wait(fd: number, for: .readable) }
        // Whether the task waits already or not, the end of the stream or forget wakes it.
        loop.forget(fd: number)
        (near, far) = try socketPair()
        try far.writeAll([1])
        #expect(try await loop.wait(fd: near.raw, for: .readable))
        waiting.cancel()
        _ = try? await waiting.value
        loop.forget(fd: near.raw)
    }

    @Test func aFileCannotBeWaitedFor() async throws {
        let file = try Descriptor("/proc/self/exe", O_RDONLY)
        let loop = try loop.get()
        await #expect(throws: SystemError.self) {
            _ = try await loop.wait(fd: file.raw, for: .readable)
        }
    }

    @Test func manyWaitsWithFarDeadlines() async throws {
        let loop = try loop.get()
        let (near, far) = try socketPair()
        try far.writeAll([1])
        let farAway = Clocks.monotonicMilliseconds() + 3_600_000
        for _ in 0..<5000 {
            #expect(
                try await loop.wait(fd: near.raw, for: .readable, deadlineMilliseconds: farAway))
        }
        loop.forget(fd: near.raw)
    }

    private func fill(_ end: borrowing Descriptor) throws {
        let block = [UInt8](repeating: 7, count: 65536)
        while write(end.raw, block, block.count) > 0 {}
        try #require(errno == EAGAIN)
    }

    private func drain(_ end: borrowing Descriptor) {
        var block = [UInt8](repeating: 0, count: 65536)
        while read(end.raw, &block, block.count) > 0 {}
    }
}
