import BuildProtocol
import FoundationEssentials
import Testing

/// What PROTOCOL.md shows is what goes over the wire, and it shows everything.
@Suite struct ExampleTests {
    private let document: ProtocolDocument

    init() throws { document = try ProtocolDocument() }

    @Test("Every example of a coordinator in PROTOCOL.md is a line as it is sent")
    func coordinatorExamples() throws {
        var types: Set<String> = []
        for line in document.messages("coordinator") {
            let message = try LineCodec.decode(CoordinatorMessage.self, from: line)
            #expect(
                String(decoding: try LineCodec.encode(message), as: UTF8.self)
                    == String(decoding: line, as: UTF8.self) + "\n")
            types.insert(type(of: message))
        }
        #expect(types == ["hello", "start", "cancel", "follow", "forget", "ping", "plugins"])
    }

    @Test("Every example of an agent in PROTOCOL.md is a line as it is sent")
    func agentExamples() throws {
        var types: Set<String> = []
        for line in document.messages("agent") {
            let message = try LineCodec.decode(AgentMessage.self, from: line)
            #expect(
                String(decoding: try LineCodec.encode(message), as: UTF8.self)
                    == String(decoding: line, as: UTF8.self) + "\n")
            types.insert(type(of: message))
        }
        #expect(types == ["hello", "host", "phase", "log", "finished", "error", "pong", "plugins"])
    }

    /// A new message does not compile here until it has an example.
    private func type(of message: CoordinatorMessage) -> String {
        switch message {
        case .hello: "hello"
        case .start: "start"
        case .cancel: "cancel"
        case .follow: "follow"
        case .forget: "forget"
        case .ping: "ping"
        case .plugins: "plugins"
        }
    }

    private func type(of message: AgentMessage) -> String {
        switch message {
        case .hello: "hello"
        case .host: "host"
        case .phase: "phase"
        case .log: "log"
        case .finished: "finished"
        case .error: "error"
        case .pong: "pong"
        case .plugins: "plugins"
        }
    }

    @Test("PROTOCOL.md shows every kind of builder") func builders() throws {
        let kinds = try document.messages("coordinator").compactMap { line -> String? in
            guard
                case .start(let start) = try LineCodec.decode(CoordinatorMessage.self, from: line)
            else { return nil }
            return switch start.recipe.builder {
            case .packer: "packer"
            case .command: "command"
            case .test: "test"
            }
        }
        #expect(Set(kinds) == ["packer", "command", "test"])
    }

    @Test("The log lines of PROTOCOL.md are records") func logExamples() throws {
        let lines = document.blocks("log").flatMap(\.self)
        #expect(lines.count == 5)
        let records = try lines.map {
            try JSONDecoder().decode(LogRecord.self, from: Data($0.utf8))
        }
        #expect(Set(records.map(\.s)) == [.out, .err, .sys])
        #expect(records.contains { $0.more == true })
        #expect(records[1].m == "caf\\xe9 is Latin-1, \0 is a NUL")
    }

    @Test("PROTOCOL.md lists the states of an attempt and what follows each")
    func attemptStates() throws {
        let rows = document.table(under: "## States of an attempt")
        #expect(
            rows.map { ProtocolDocument.words($0[0]) }
                == AttemptState.allCases.map { [$0.rawValue] })
        for (row, state) in zip(rows, AttemptState.allCases) {
            #expect(Set(ProtocolDocument.words(row[2])) == Set(state.successors.map(\.rawValue)))
        }
    }

    @Test("PROTOCOL.md lists the states of a build and what follows each") func buildStates() throws
    {
        let rows = document.table(under: "## States of a build")
        #expect(
            rows.map { ProtocolDocument.words($0[0]) } == BuildState.allCases.map { [$0.rawValue] })
        for (row, state) in zip(rows, BuildState.allCases) {
            #expect(Set(ProtocolDocument.words(row[2])) == Set(state.successors.map(\.rawValue)))
        }
    }

    @Test("PROTOCOL.md explains every error code") func errorCodes() {
        let codes = document.table(under: "### error").flatMap { ProtocolDocument.words($0[0]) }
        #expect(codes == ErrorReport.Code.allCases.map(\.rawValue))
    }

    @Test("PROTOCOL.md shows every bound with its value") func bounds() {
        let shown = document.table(under: "## Bounds").map { row in
            Int64(row[1].prefix { $0.isNumber }) ?? -1
        }
        #expect(
            shown
                == [
                    ProtocolLimits.lineBytes, ProtocolLimits.logChunkBytes,
                    ProtocolLimits.logRecordTextBytes, ProtocolLimits.preambleBytes,
                    ProtocolLimits.nameBytes, ProtocolLimits.attemptsPerHost,
                    ProtocolLimits.artifactsPerAttempt, ProtocolLimits.remoteImages,
                    ProtocolLimits.remoteIDBytes, ProtocolLimits.variables,
                    ProtocolLimits.variableValueBytes, ProtocolLimits.packerArguments,
                    ProtocolLimits.variablesBytes,
                    ProtocolLimits.reasonBytes,
                    ProtocolLimits.screenshotBytes, ProtocolLimits.serialTailBytes,
                    ProtocolLimits.testCases, ProtocolLimits.testScriptBytes,
                    ProtocolLimits.testScriptsBytes, ProtocolLimits.testBoots,
                    ProtocolLimits.evidenceNotes, ProtocolLimits.artifactChunkBytes,
                    ProtocolLimits.chunkDigests, ProtocolLimits.listedDigests,
                    Int(ProtocolLimits.templateBytes), ProtocolLimits.templateEntries,
                    ProtocolLimits.templateDepth, ProtocolLimits.plugins,
                    Int(ProtocolLimits.pluginsBytes),
                ].map(Int64.init))
    }
}
