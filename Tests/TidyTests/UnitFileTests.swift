import FoundationEssentials
import ProcessKit
import Support
import Testing

/// The units of deploy/ are as closed as the programs allow.
@Suite struct UnitFileTests {
    private struct Finding: Decodable {
        /// A setting, such as `PrivateTmp=` or `SystemCallFilter=~@debug`.
        var name: String
        /// `nil` if the unit is closed in this respect.
        var exposure: String?
    }

    @Test(
        "A unit sets or explains everything that `systemd-analyze security` finds in it",
        arguments: ["aibuild-agent", "aibuild-coordinator"])
    func findingsAreExplained(name: String) async throws {
        let path = "\(try SourceTree().root)/deploy/\(name).service"
        let unit = String(decoding: try Files.read(path, limitBytes: 1 << 16), as: UTF8.self)
        let analysis = try await Command(
            ["systemd-analyze", "security", "--offline=true", "--json=short", path],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300, outputLimitBytes: 1 << 20)
        let found = try JSONDecoder().decode([Finding].self, from: Data(analysis.stdout))
        #expect(found.count > 60)
        for finding in found where finding.exposure != nil {
            // Of a list, such as that of system calls, each member counts.
            let words = finding.name.split(whereSeparator: { "=~/()|*…".contains($0) })
                .filter { !$0.allSatisfy(\.isNumber) }
            let setting = try #require(words.first)
            let member = finding.name.contains("~@") ? words.last ?? setting : setting
            #expect(unit.contains(setting) && unit.contains(member), "\(finding.name)")
        }
    }

    @Test(
        "systemd-analyze security rates the units no worse than they are",
        arguments: [("aibuild-coordinator", 12), ("aibuild-agent", 43)])
    func exposure(name: String, tenths: Int) async throws {
        let path = "\(try SourceTree().root)/deploy/\(name).service"
        let analysis = try await Command(
            ["systemd-analyze", "security", "--offline=true", "--threshold=\(tenths)", path],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300, outputLimitBytes: 1 << 20)
        #expect(analysis.status.isSuccess, "\(analysis.stdoutText.suffix(100))")
    }

    /// Without the second, the agent could not be restarted while builds run.
    @Test("The agent's unit releases the control group that it lets the agent take over")
    func delegatedGroupIsReleased() throws {
        let path = "\(try SourceTree().root)/deploy/aibuild-agent.service"
        let unit = String(decoding: try Files.read(path, limitBytes: 1 << 16), as: UTF8.self)
        let lines = unit.split(separator: "\n")
        #expect(lines.contains("Delegate=yes"))
        #expect(lines.contains { $0.hasPrefix("ExecStart=") && $0.hasSuffix(" --own-group") })
        #expect(lines.contains("ExecStopPost=-/usr/bin/aibuild-agent release-group"))
    }
}
