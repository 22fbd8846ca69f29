import Testing

@testable import aibuild
import ArgumentKit

@Suite("Command line parser") struct ParserTests {
    private let program = CommandProgram.aibuild

    private func parse(_ line: String) throws -> (command: String, arguments: Arguments) {
        guard case .run(let command, let arguments) = try program.parse(words(line)) else {
            throw UsageError("help")
        }
        return (command.name, arguments)
    }

    private func fail(_ line: String) throws -> String {
        let error = #expect(throws: UsageError.self) { try program.parse(words(line)) }
        return try #require(error).message
    }

    /// As a shell would, with single quotes.
    private func words(_ line: String) -> [String] {
        var words: [String] = []
        for (index, part) in line.split(separator: "'", omittingEmptySubsequences: false)
            .enumerated()
        {
            if index % 2 == 1 {
                words.append(String(part))
            } else {
                words += part.split(separator: " ").map(String.init)
            }
        }
        return words
    }

    @Test("Options are accepted in every form and order") func takesOptionsInEveryForm() throws {
        for line in [
            "build debian12 -f --priority 3", "build --priority=3 --follow debian12",
            "--url http://h build -f debian12 --priority 3", "build -f --priority 3 -- debian12",
            "--priority 3 build debian12 -f",
        ] {
            let (command, arguments) = try parse(line)
            #expect(command == "build", "\(line)")
            #expect(arguments.operands == ["debian12"])
            #expect(arguments["priority"] == "3")
            #expect(arguments.has("follow"))
        }
        #expect(try parse("logs -ft x").arguments.has("timestamps"))
        #expect(try parse("builds --state failed --state passed").arguments.all("state").count == 2)
        #expect(try parse("host add --address a@b kvm1").arguments.operands == ["kvm1"])
        #expect(try parse("logs -- -f").arguments.operands == ["-f"])
        #expect(try parse("--version").command == "version")
    }

    @Test(
        "A wrong command line is answered with what is wrong",
        arguments: [
            ("biuld x", "unknown command 'biuld'; did you mean 'build'?"),
            ("qeue", "unknown command 'qeue'; did you mean 'queue'?"),
            ("xyzzy", "unknown command 'xyzzy'"),
            (
                "host",
                "'host' needs one of: add, change, set, list, show, drain, resume, upgrade, "
                    + "remove, package"
            ),
            ("host remvoe a", "unknown command 'host remvoe'; did you mean 'host remove'?"),
            ("builds --jsno", "unknown option '--jsno'; did you mean '--json'?"),
            ("builds --zzzzzz", "unknown option '--zzzzzz'"),
            ("builds -q", "unknown option '-q'"),
            ("show", "missing argument: BUILD"), ("show a b", "unexpected argument: 'b'"),
            ("build x --priority", "--priority needs a value: --priority N"),
            ("build x --priority=", "--priority needs a value: --priority N"),
            ("build x --follow=yes", "--follow takes no value"),
            ("build x --owner a --owner b", "--owner is given twice"),
            ("host add kvm1", "missing option: --address USER@HOST[:PORT]"),
            ("--json", "missing command"),
        ])
    func saysWhatIsWrong(line: String, message: String) throws {
        #expect(try fail(line) == message)
    }

    @Test("Every command has help, by --help and by help COMMAND") func helpsWithEverything() throws
    {
        for command in Commands.all where command.name != "help" {
            for line in ["\(command.name) --help", "help \(command.name)", "\(command.name) x -h"] {
                guard case .help(let text) = try program.parse(words(line)) else {
                    Issue.record("no help for \(line)")
                    continue
                }
                let opening = "aibuild \(command.name): \(command.summary)\n\nusage: aibuild "
                #expect(text.hasPrefix(opening + command.name + " "))
                for option in command.options { #expect(text.contains("--\(option.long)")) }
                for operand in command.operands { #expect(text.contains(operand)) }
            }
        }
        for line in ["--help", "help", "-h"] {
            guard case .help(let text) = try program.parse(words(line)) else {
                Issue.record("no overview for '\(line)'")
                continue
            }
            for command in Commands.all { #expect(text.contains("  \(command.name) ")) }
            for code in ExitCode.allCases { #expect(text.contains("  \(code.rawValue)  ")) }
        }
        guard case .help(let group) = try program.parse(["host", "--help"]) else {
            Issue.record("no help for a group")
            return
        }
        #expect(group.contains("host drain") && !group.contains("guestos"))
    }

    @Test("Every example in the help parses as its own command") func everyExampleParses() throws {
        for command in Commands.all where command.name != "help" {
            #expect(!command.examples.isEmpty)
            for example in command.examples {
                let line = try #require(example.hasPrefix("aibuild ") ? example : nil)
                #expect(try parse(String(line.dropFirst(8))).command == command.name, "\(example)")
            }
        }
    }
}
