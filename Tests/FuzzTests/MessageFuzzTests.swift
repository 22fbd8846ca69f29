import AgentCore
import BuildProtocol
import CoordinatorCore
import Support
import Testing

/// Messages of either side, changed at random, and what is computed from those that still decode.
@Suite struct MessageFuzzTests {
    private let now: Int64 = 1_763_718_000_000

    /// The examples of PROTOCOL.md, which shows every message.
    private static func seeds(_ kind: String) throws -> [[UInt8]] {
        let path = "\(#filePath)".pathOfRepository + "/Protocol/PROTOCOL.md"
        let text = String(decoding: try Files.read(path, limitBytes: 1 << 20), as: UTF8.self)
        return text.components(between: "```json \(kind)\n", and: "```").map {
            Array($0.utf8.filter { $0 != UInt8(ascii: "\n") })
        }
    }

    @Test("No message of an agent traps the coordinator")
    func agentMessages() throws {
        let accepted = try FuzzRun().run(.agent, try Self.seeds("agent")) { input in
            let message = try LineCodec.decode(AgentMessage.self, from: input)
            _ = try? LineCodec.encode(message)
            switch message {
            case .hello(let hello):
                schedule(hello.host, Requirements())
                for summary in hello.attempts {
                    drive([.connected(hasTemplate: true, summary: summary)])
                }
            case .host(let report): schedule(report, Requirements())
            case .phase(let phase): drive([.phase(phase)])
            case .log(let chunk): #expect(chunk.cursor >= 0)
            case .finished(let finished):
                _ = finished.artifacts.map(\.sizeBytes).clampedSum()
                for artifact in finished.artifacts {
                    _ = artifact.missingRanges(presentBytes: 1 << 20) { _, _ in false }
                }
                drive([.finished(finished), .logChecked(matches: true), .collected])
            case .error(let report): drive([.refused(report)])
            case .pong, .plugins: break
            }
        }
        #expect(accepted > 100)
    }

    @Test("No message of a coordinator traps an agent")
    func coordinatorMessages() throws {
        let accepted = try FuzzRun().run(.coordinator, try Self.seeds("coordinator")) { input in
            let message = try LineCodec.decode(CoordinatorMessage.self, from: input)
            _ = try? LineCodec.encode(message)
            if case .plugins(let list) = message { _ = list.plugins.versions(for: "linux_amd64") }
            guard case .start(let start) = message else { return }
            let room = Admission.Room(
                slots: 2, memoryBytes: 8 << 30, diskFreeBytes: 100 << 30, accelerators: [.tcg],
                running: [start.requirements, start.requirements], attempts: 2)
            _ = Admission.refusal(start.requirements, room)
            _ = Admission.diskFree(freeBytes: 1 << 40, running: room.running)
            let timers = AttemptTimers(limits: start.limits, nowMilliseconds: now)
            _ = timers.expired(nowMilliseconds: now + 1)
            if let base = start.recipe.baseImage {
                _ = BaseImageURL(base.url)
                _ = BaseImageURL.fileName(base.url)
            }
            if case .test(let plan) = start.recipe.builder {
                for test in plan.cases { _ = test.totalSeconds(in: plan) }
            }
        }
        #expect(accepted > 100)
    }

    private func drive(_ events: [BuildEvent]) {
        for stage in [BuildMachine.Stage.dispatching, .running] {
            var machine = BuildMachine(stage: stage)
            for event in events {
                for case .end(let end, _) in machine.handle(event) { _ = end.outcome.passed }
            }
        }
    }

    private func schedule(_ report: HostReport, _ needs: Requirements) {
        let host = HostView(name: "h", availability: .ready, report: report)
        let builds = (0..<3).map { index in
            QueuedBuild(
                id: "q\(index)", guestOS: "os", owner: "o", priority: 0, submittedMilliseconds: now,
                requirements: needs)
        }
        let running = (0..<3).map { index in
            RunningBuild(
                id: "r\(index)", guestOS: "os", owner: "o", host: "h", requirements: needs,
                startedMilliseconds: report.unixMilliseconds)
        }
        let world = World(
            nowMilliseconds: now, farm: Farm([host], running: running), queue: BuildQueue(builds))
        _ = Scheduler.decide(world)
        _ = Scheduler.explain(world)
    }
}

extension String {
    /// The repository's root, from the path of a test file.
    fileprivate var pathOfRepository: String {
        split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    }

    fileprivate func components(between start: String, and end: String) -> [String] {
        var found: [String] = []
        var rest = self[...]
        while let begin = rest.firstRange(of: start) {
            rest = rest[begin.upperBound...]
            guard let stop = rest.firstRange(of: end) else { break }
            found.append(String(rest[..<stop.lowerBound]))
            rest = rest[stop.upperBound...]
        }
        return found
    }
}
