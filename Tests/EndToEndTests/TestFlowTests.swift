import FoundationEssentials
import Glibc
import HTTPClientKit
import ProcessKit
import Support
import TestSupport
import Testing

/// Tests of built images, with images that really boot.
@Suite struct TestFlowTests {
    private static let head = """
        builder: command
        command: [./build.sh]
        requirements: {memory: 512MiB, disk: 100MiB}
        tests:
          login: {user: root, cloud_init: true}
          boot_limit: 5m
          cases:

        """
    private static let system = "    - {name: system, script: tests/in-guest.sh, limit: 2m}\n"

    private func register(_ farm: Farm, _ cases: String, script: String) async throws {
        let image = farm.shared + "/mini.qcow2"
        _ = try await farm.shell("cp '\(try await MiniLinux.shared.image())' '\(image)'")
        try await farm.template(
            "mini", Self.head + cases,
            files: [
                "build.sh": "#!/bin/sh\nset -eu\ncp '\(image)' \"$AIBUILD_OUTPUT/disk.qcow2\"\n",
                "tests/in-guest.sh": "#!/bin/sh\n" + script,
            ])
    }

    private struct Latest: Decodable { var name, url, sha256: String }

    @Test("An image that passes its tests is released as the latest")
    func passedImageIsReleased() async throws {
        try await withFarm { farm in
            try await register(
                farm, Self.system + "    - {name: off, builtin: shutdown, limit: 2m}\n",
                script: "echo \"here is $(hostname)\"\n")
            let build = try await farm.api.submit("mini")
            let passed = try await farm.api.end(of: build, seconds: 400)
            try #require(passed.state == "passed", "\(passed)")
            try await expectReleased(farm, passed)
            try await expectResults(farm, passed)
            try await eventually("nothing is left") {
                farm.buildProcesses().isEmpty && farm.hosts[0].attempts.isEmpty
            }
        }
    }

    private func expectReleased(_ farm: Farm, _ build: FarmBuild) async throws {
        let image = try #require(build.image)
        #expect(image.path == "images/release/mini/\(image.name)")
        let folder = "\(farm.webRoot)/images/release/mini"
        try await farm.shell("cd \(folder) && sha256sum --check --strict SHA256SUMS")
        #expect(try SHA256.file("\(farm.webRoot)/\(image.path)") == image.sha256)
        let latest = try await farm.api.get("/images/release/mini/latest.json")
        let decoded = try JSONDecoder().decode(Latest.self, from: Data(latest.body))
        #expect(decoded.url == image.url && decoded.sha256 == image.sha256)
        let left = try Files.list("\(farm.webRoot)/images/build/mini")
        #expect(left == ["SHA256SUMS"], "everything of it has moved")
    }

    private func expectResults(_ farm: Farm, _ build: FarmBuild) async throws {
        let tests = try #require(build.tests)
        #expect(tests.map { "\($0.name) \($0.result)" } == ["system passed", "off passed"])
        let log = try #require(tests.first?.log)
        let answer = try await farm.api.get(log)
        let part = FarmClient.text(answer)
        #expect(part.contains("here is mini-linux") && !part.contains("power button"))
    }

    @Test("An image that fails its tests is withdrawn")
    func failedImageIsWithdrawn() async throws {
        try await withFarm { farm in
            try await register(farm, Self.system, script: "echo not good >&2\nexit 1\n")
            let failed = try await farm.api.end(of: try await farm.api.submit("mini"), seconds: 400)
            #expect(failed.state == "failed" && failed.image == nil)
            #expect(failed.fault?.class == "template" && failed.fault?.code == "test.failed")
            let reason = failed.fault?.reason ?? ""
            #expect(reason.contains("'system'") && reason.contains("not good"), "\(reason)")
            #expect(failed.tests?.map(\.result) == ["failed"])
            #expect(failed.attempts?.map(\.stage) == ["build", "test"], "no retry")
            let places = ["build/mini", "release/mini"].flatMap { place in
                (try? Files.list("\(farm.webRoot)/images/\(place)")) ?? []
            }
            #expect(places.filter { $0.hasPrefix("mini") }.isEmpty, "\(places)")
        }
    }

    /// QEMU is killed as on a host that is out of memory, and the coordinator is killed, too.
    @Test("Infrastructure faults repeat the test but never the build")
    func infrastructureFaultsRetestOnly() async throws {
        try await withFarm(.init { $0.hosts = 2 }) { farm in
            try await register(farm, Self.system, script: "echo fine\n")
            let build = try await farm.api.submit("mini")
            let testing = try await farm.api.wait(build, for: "tested", seconds: 200) {
                $0.state == "testing"
            }
            let first = try #require(testing.host)
            try await eventually("QEMU runs", seconds: 120) { Self.killQEMU(farm) }
            let again = try await farm.api.wait(build, for: "tested again", seconds: 200) {
                $0.state == "testing" && $0.attemptCount == 3
            }
            #expect(again.host != first, "on the other host")
            farm.coordinator?.kill()
            try await farm.startCoordinator(keepingPort: true)
            let passed = try await farm.api.end(of: build, seconds: 400)
            #expect(passed.state == "passed", "\(passed)")
            let attempts = try #require(passed.attempts)
            #expect(attempts.prefix(3).map(\.stage) == ["build", "test", "test"])
            #expect(attempts.filter { $0.stage == "build" }.count == 1, "never built again")
            #expect(attempts[1].outcome?.fault?.code == "host.build_killed")
            #expect(passed.tests?.map(\.result) == ["passed"], "recorded once")
        }
    }

    private static func killQEMU(_ farm: Farm) -> Bool {
        for pid in farm.buildProcesses() {
            var path = [CChar](repeating: 0, count: 512)
            guard readlink("/proc/\(pid)/exe", &path, 511) > 0 else { continue }
            let name = String(decoding: path.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            if name.contains("/qemu-system-") { return kill(pid, SIGKILL) == 0 }
        }
        return false
    }
}
