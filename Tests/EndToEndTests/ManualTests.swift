import BuildProtocol
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// What packages take from the programs: versions and manual pages.
@Suite struct ManualTests {
    static let programs = ["aibuild", "aibuild-coordinator", "aibuild-agent", "aibuild-fetch"]

    private let root = Files.folder(of: Files.folder(of: Files.folder(of: "\(#filePath)")))

    private func run(_ command: [String]) async throws -> String {
        let output = try await Command(command, environment: Command.minimalEnvironment)
            .run(timeoutSeconds: 300, outputLimitBytes: 1 << 20)
        #expect(output.status.isSuccess && output.stderrText.isEmpty, "\(output.stderrText)")
        return output.stdoutText
    }

    @Test("All programs, the API and the packages have one version")
    func oneVersion() async throws {
        for name in Self.programs {
            let text = try await run([try FarmProgram.path(name), "--version"])
            let words = text.split(whereSeparator: { $0 == "," || $0.isWhitespace })
            #expect(words.prefix(2).map(String.init) == [name, ProgramVersion.current])
        }
        let script = try await run(["\(root)/scripts/version.sh"])
        #expect(script == ProgramVersion.current + "\n")
        try await withFarm(.withoutHosts) { farm in
            let answer = try await farm.api.get("/api/v1/version")
            let body = String(decoding: answer.body, as: UTF8.self)
            #expect(body.contains("\"version\":\"\(ProgramVersion.current)\""))
        }
    }

    @Test("man shows the page of each program, without a warning", arguments: programs)
    func manualPages(name: String) async throws {
        let program = try FarmProgram.path(name)
        let shown = try await run([
            "sh", "-c",
            "$0 help --man | MANWIDTH=100 man --warnings -E UTF-8 -l - | col -b", program,
        ])
        let help = try await run([program, "--help"])
        for option in help.matches(of: #/--[a-z][a-z-]+/#) where option.0 != "--help" {
            #expect(shown.contains(option.0), "\(option.0)")
        }
        #expect(shown.contains("NAME") && shown.contains("SYNOPSIS") && shown.contains("--help"))
    }
}
