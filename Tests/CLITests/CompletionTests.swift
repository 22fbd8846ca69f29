import ProcessKit
import Testing

@testable import aibuild
import ArgumentKit

/// The real shells complete with what `aibuild completion` prints.
@Suite("Completion") struct CompletionTests {
    /// What a shell suggests for a command line that ends at the cursor.
    private func suggestions(_ line: String, in shell: Shell) async throws -> [String] {
        let script = CommandProgram.aibuild.completion(for: shell)
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let command =
            switch shell {
            case .bash: ["bash", "--norc", "-c", Self.bash, "bash"] + words
            case .zsh: ["zsh", "-f", "-c", Self.zsh, "zsh"] + words
            case .fish: ["fish", "--no-config", "-c", Self.fish, line]
            }
        var environment = ProcessKit.Command.minimalEnvironment
        environment["HOME"] = "/nonexistent"
        environment["SCRIPT"] = script
        let output = try await ProcessKit.Command(
            command, environment: environment, workFolder: "/usr/share/common-licenses"
        ).run(timeoutSeconds: 300)
        #expect(output.status.isSuccess, "\(output.stderrText)")
        #expect(output.stderrText.isEmpty)
        let current = words.last ?? ""
        return output.stdoutText.split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix(current) }.sorted()
    }

    private static let bash = """
        eval "$SCRIPT"
        compopt() { :; }
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _aibuild
        printf '%s\\n' "${COMPREPLY[@]}"
        """
    /// The functions of zsh's completion system, which needs a terminal.
    private static let zsh = """
        compdef() { : }
        _files() { print -l -- * }
        _describe() { local a=${@[-1]}; print -l -- ${(P)a%%:*} }
        eval "$SCRIPT"
        words=("$@") CURRENT=$# PREFIX=${@[-1]}
        _aibuild || true
        """
    private static let fish = """
        printenv SCRIPT | source
        for found in (complete -C $argv[1]); string split -f 1 \\t -- $found; end; true
        """

    @Test("Commands, their options and files are completed", arguments: Shell.allCases)
    func completes(shell: Shell) async throws {
        func suggest(_ line: String) async throws -> [String] {
            try await suggestions(line, in: shell)
        }
        #expect(try await suggest("aibuild gues") == ["guestos"])
        #expect(try await suggest("aibuild --url http://h releas") == ["release", "releases"])
        #expect(
            try await suggest("aibuild host ")
                == [
                    "add", "change", "drain", "list", "package", "remove", "resume", "set", "show",
                    "upgrade",
                ])
        #expect(try await suggest("aibuild help host a") == ["add"])
        #expect(try await suggest("aibuild host add kvm1 --host-") == ["--host-key"])
        #expect(try await suggest("aibuild host drain kvm1 --host-").isEmpty)
        #expect(try await suggest("aibuild deliveries --jso") == ["--json"])
        #expect(try await suggest("aibuild env add lab --password-file GPL-") == gpl)
        #expect(try await suggest("aibuild import GPL-") == gpl)
        #expect(try await suggest("aibuild env add lab --kind GPL-").isEmpty)
        #expect(try await suggest("aibuild cancel GPL-").isEmpty)
    }

    private let gpl = ["GPL-1", "GPL-2", "GPL-3"]

    @Test("Every command is completed from the table of the help", arguments: Shell.allCases)
    func isComplete(shell: Shell) async throws {
        let script = CommandProgram.aibuild.completion(for: shell)
        let first = try await suggestions("aibuild ", in: shell)
        for command in Commands.all {
            let words = command.name.split(separator: " ").map(String.init)
            #expect(first.contains(words[0]))
            for option in command.options { #expect(script.contains(option.long)) }
        }
    }

    @Test("A shell without a completion is named with those that have one")
    func otherShell() async throws {
        let console = TestConsole()
        let cli = CLI(console: console.console(isTerminal: false), variables: [:])
        #expect(await cli.run(["completion", "ksh"]) == .usage)
        #expect(console.err.contains("ksh") && console.err.contains("bash, zsh, fish"))
    }

    @Test("The manual page has every command and option of the help, and no raw requests")
    func manualPage() throws {
        guard case .help(let page) = try CommandProgram.aibuild.parse(["help", "--man"]) else {
            Issue.record("no page")
            return
        }
        for command in Commands.all {
            #expect(page.contains("\n.SS \(command.name.replacing("-", with: "\\-"))"))
            for option in command.options {
                let long = option.long.replacing("-", with: "\\-")
                #expect(page.contains("\\fB\\-\\-\(long)\\fR"), "\(long)")
            }
        }
        let requests = Set(page.matches(of: #/(?m)^[.'](\S+)/#).map { String($0.1) })
        #expect(
            requests.isSubset(of: [
                "\\\"", "TH", "SH", "SS", "TP", "PP", "RS", "RE", "br", "fi", "nf",
            ]))
    }
}
