import Glibc
import HTTPTypes
import ProcessKit
import Support
import Testing

@testable import aibuild

/// The program itself, as a shell runs it.
@Suite("The program") struct ProgramTests {
    private func run(_ script: String, url: String) async throws -> ProcessKit.Command.Output {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count)
        let runner = String(
            decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        // The tests and the program are built into one folder; the runner may be the toolchain's.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? runner
        var environment = ProcessKit.Command.minimalEnvironment
        environment["AIBUILD_URL"] = url
        environment["aibuild"] = Files.folder(of: bundle) + "/aibuild"
        return try await ProcessKit.Command(["/bin/sh", "-c", script], environment: environment)
            .run(timeoutSeconds: 300)
    }

    @Test("The program exits with the documented codes") func exitsWithItsCode() async throws {
        let away = try await run("\"$aibuild\" queue", url: "http://127.0.0.1:1")
        #expect(away.status == .exited(5))
        #expect(
            away.stdout.isEmpty
                && away.stderrText.hasPrefix("aibuild: Request failed: cannot connect"))
        #expect(try await run("\"$aibuild\" qeue", url: "").status == .exited(2))
        #expect(try await run("\"$aibuild\" --help", url: "").status == .exited(0))
        let version = try await run("\"$aibuild\" --version", url: "http://127.0.0.1:1")
        #expect(version.status == .exited(0))
        #expect(version.stdoutText == "aibuild \(CLI.version)\n")
    }

    @Test("The program ends quietly when its reader does") func endsWithItsReader() async throws {
        let line = #"{"t":1,"s":"out","m":"\#(String(repeating: "x", count: 1000))"}"# + "\n"
        try await withCoordinator({ router in
            router.say(
                "GET", "/api/v1/builds/{id}",
                #"{"id":"b","guestOS":"d","number":1,"state":"passed","attempts":"#
                    + #"[{"attempt":"t","host":"h","ordinal":1}]}"#)
            router.on("GET", "/api/v1/builds/{id}/log") { _, _ in
                HTTPResponse(body: .stream(Pieces(Array(repeating: line, count: 2000))))
            }
        }) { coordinator in
            let ran = try await run("\"$aibuild\" logs b | head -n 1", url: coordinator.url)
            #expect(ran.status == .exited(0))
            #expect(ran.stdout.count == 1001)
            #expect(ran.stderr.isEmpty)
        }
    }
}
