import AgentCore
import BuildProtocol
import FoundationEssentials
import Support
import TestSupport
import TextKit
import Testing

/// How the log shows what a program writes, through a real daemon and supervisor.
@Suite(.timeLimit(.minutes(2))) struct BuildOutputTests {
    private func records(_ log: String) throws -> [LogRecord] {
        try log.lines.map { try JSONDecoder().decode(LogRecord.self, from: Data($0.utf8)) }
    }

    /// The lines of a stream, as a terminal shows them.
    private func lines(_ records: [LogRecord], _ stream: LogRecord.Stream) -> [String] {
        var lines: [String] = []
        var line = TerminalLine()
        for record in records where record.s == stream {
            line.write(record.m)
            if record.more == true { continue }
            lines.append(line.plain())
            line = TerminalLine()
        }
        return lines
    }

    @Test("Lines of both streams are logged in the order in which they were written")
    func keepsTheOrder() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    for i in $(seq 500); do echo "o$i"; echo "e$i" >&2; done
                    : >"$AIBUILD_OUTPUT/a.raw"
                    """)
            let built = try await client.build(agent.start(template))
            let shown = lines(try records(built.log), .out)
            #expect(shown == (1...500).flatMap { ["o\($0)", "e\($0)"] })
        }
    }

    @Test("With separate streams, standard error is told apart") func separateStreams()
        async throws
    {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: "echo o; printf 'e?' >&2; : >\"$AIBUILD_OUTPUT/a.raw\"")
            var start = agent.start(template)
            start.recipe.streams = .separate
            let records = try records(try await client.build(start).log)
            #expect(lines(records, .out) == ["o"] && lines(records, .err) == ["e?"])
        }
    }

    @Test("A prompt without a newline is logged while the program waits, a bar is one line")
    func promptAndBar() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    for i in 1 2 3 4; do printf '\\r loading %3d %%' $((i * 25)); sleep 0.4; done
                    printf '\\nEnter pässphrase: '
                    while [ ! -e "$AIBUILD_VAR_gate" ]; do sleep 0.1; done
                    echo thanks; printf 'the end?'; : >"$AIBUILD_OUTPUT/a.raw"
                    """)
            let start = agent.start(template, variables: ["gate": "work-gate"])
            try await client.send(.start(start))
            // The build goes on only once this was seen.
            try await client.follow(start.attempt, until: "Enter pässphrase: \",\"more\":true")
            try Files.replace(
                agent.state.attempt(start.attempt).work + "/work-gate", with: [])
            let log = try await client.follow(start.attempt).log
            let records = try records(log)
            #expect(
                lines(records, .out) == [" loading 100 %", "Enter pässphrase: thanks", "the end?"])
            #expect(records.filter { $0.m.contains("loading") }.count > 1)
        }
    }
}
