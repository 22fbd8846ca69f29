import Glibc
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// SIGTERM to a coordinator, as a service manager sends it, with builds in every stage: it shuts
/// down in order and soon, and the next one loses nothing.
@Suite struct GracefulStopTests {
    private func expectWhole(_ farm: Farm, _ build: FarmBuild) async throws {
        let passed = try await farm.api.end(of: build)
        try #require(passed.state == "passed", "\(passed)")
        #expect(passed.attempts?.map(\.summary) == ["kvm0 passed"])
        let log = try await farm.api.log(build)
        #expect(passed.attempts?.last?.logSHA256 == SHA256.hex(log))
        let image = try #require(passed.image)
        #expect(try SHA256.file("\(farm.webRoot)/\(image.path)") == image.sha256)
        #expect(try Files.list("\(farm.webRoot)/images/build") == ["debian"], "no .part is left")
        try await eventually("the agent has forgotten it") { farm.hosts[0].attempts.isEmpty }
    }

    private func expectRest(_ farm: Farm) {
        let log = farm.coordinator?.log ?? ""
        #expect(log.contains("stopped"))
        #expect(!log.contains("not everything came to rest"))
    }

    @Test("SIGTERM during a build ends event streams whole and loses nothing")
    func stopDuringBuild() async throws {
        try await withFarm { farm in
            try await farm.script(
                "debian",
                "seq 1 500; echo begun; \(Scripts.gate(farm, "on")); seq 501 1000; "
                    + Scripts.image())
            let build = try await farm.api.submit("debian")
            try await farm.api.logs(build, "begun")
            // A follower's stream ends properly: a broken one would throw here.
            let follower = FarmFollower()
            let (api, path) = (farm.api, "/api/v1/builds/\(build.id)/events")
            let following = Task {
                try await api.follow(path) { event in
                    follower.take(event)
                    return true
                }
            }
            try await eventually("it follows") { follower.position != nil }
            try await farm.stopCoordinator()
            try await following.value
            #expect(!follower.hasEnded, "the build goes on")
            expectRest(farm)
            #expect(!farm.buildProcesses().isEmpty)
            try farm.open("on")
            try await eventually("the build ends meanwhile") { farm.buildProcesses().isEmpty }
            try await farm.startCoordinator(keepingPort: true)
            try await api.follow(path, lastEventID: follower.position) { event in
                follower.take(event)
                return !follower.hasEnded
            }
            try await expectWhole(farm, build)
            #expect(follower.log == (try await farm.api.log(build)))
        }
    }

    @Test("SIGTERM during a pull loses nothing")
    func stopDuringPull() async throws {
        try await withFarm { farm in
            let build = try await farm.pulledBuild()
            try await farm.stopCoordinator()
            expectRest(farm)
            try await farm.startCoordinator(keepingPort: true)
            try await expectWhole(farm, build)
        }
    }

    /// Many companion files make the publication take long enough.
    @Test("SIGTERM during a publication loses no companion file")
    func stopDuringPublication() async throws {
        try await withFarm { farm in
            try await farm.script(
                "debian",
                "\(Scripts.image()); for i in $(seq 40); do "
                    + "echo $i >\"$AIBUILD_OUTPUT/note-$i.txt\"; done")
            let build = try await farm.api.submit("debian")
            _ = try await eventually("it is published", everyMilliseconds: 1) {
                ["publishing", "passed"].contains(try await farm.api.build(build.id).state)
            }
            try await farm.stopCoordinator()
            expectRest(farm)
            try await farm.startCoordinator(keepingPort: true)
            try await expectWhole(farm, build)
            #expect(
                try Files.list("\(farm.webRoot)/images/build/debian").count {
                    $0.contains("-note-")
                } == 40)
        }
    }

    /// Hosts that do not answer, and clients that do not read.
    @Test("SIGTERM ends a coordinator whose hosts do not answer")
    func stopWithSilentHosts() async throws {
        try await withFarm(.init { $0.hosts = 2 }) { farm in
            try await farm.script("debian", "echo begun; \(Scripts.gate(farm, "on"))")
            let build = try await farm.api.submit("debian")
            try await farm.api.logs(build, "begun")
            for host in farm.hosts { host.daemon?.signal(SIGSTOP) }
            try await farm.stopCoordinator()
            expectRest(farm)
        }
    }

    /// A component that hangs: the program exits nevertheless, by itself or after a second signal.
    @Test("SIGTERM ends a coordinator with a hung thread, and a second one ends it at once")
    func stopWithHungThread() async throws {
        try await withFarm { farm in
            for signals in [2, 1] {
                let program = try #require(farm.coordinator)
                let frozen = try await FrozenThreads(of: program.pid, named: "MHD-worker")
                program.signal(SIGTERM)
                try await eventually("it has begun to end") {
                    program.log.contains("stopping on SIGTERM")
                }
                if signals == 2 { program.signal(SIGTERM) }
                let words =
                    signals == 2
                    ? "a second signal: ending at once" : "not everything came to rest within 20 s"
                try await eventually(words, seconds: 60) { program.log.contains(words) }
                // The kernel keeps a process until the tracer of its threads detaches.
                frozen.thaw()
                #expect(try await program.exit() == .exited(signals == 2 ? 143 : 0))
                if signals == 2 {
                    try Files.remove(program.logPath)
                    try await farm.startCoordinator()
                }
            }
        }
    }
}
