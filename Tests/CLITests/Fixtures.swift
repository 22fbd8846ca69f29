import FoundationEssentials
import HTTPServerKit
import HTTPTypes
import Support
import Synchronization
import TestSupport
import Testing

@testable import aibuild

/// What a command wrote, and how it ended.
struct Ran {
    var code: ExitCode
    var out: String
    var err: String
}

/// A console that keeps what is written and answers questions from a list.
final class TestConsole: Sendable {
    private struct State {
        var out = ""
        var err = ""
        var answers: [String]
    }

    private let state: Mutex<State>

    init(answers: [String] = []) { state = Mutex(State(answers: answers)) }

    var out: String { state.withLock(\.out) }
    var err: String { state.withLock(\.err) }

    private var answer: String? {
        state.withLock { $0.answers.isEmpty ? nil : $0.answers.removeFirst() }
    }

    func console(isTerminal: Bool) -> Console {
        Console(
            out: { text in self.state.withLock { $0.out += text } },
            err: { text in self.state.withLock { $0.err += text } },
            outIsTerminal: isTerminal, errIsTerminal: isTerminal, width: { 80 },
            ask: { _ in self.answer }, askSecret: { _ in self.answer })
    }
}

/// A coordinator of a few canned answers, which remembers what it was asked.
final class FakeCoordinator: Sendable {
    struct Asked: Sendable, Hashable {
        var line: String
        var body: String
    }

    private let server: HTTPServer
    private let notes: Notes<Asked>

    let url: String

    /// - Parameters:
    ///   - port: 0 for any.
    ///   - routes: adds the answers.
    init(port: UInt16 = 0, _ routes: (inout Router) -> Void) throws {
        var router = Router { error, _ in .internalError("\(error)") }
        routes(&router)
        let asked = Notes<Asked>()
        let filled = router
        server = HTTPServer(host: "127.0.0.1", port: port) { request in
            let query = request.query.items.map { "\($0.name)=\($0.value)" }
            asked.add(
                Asked(
                    line: ([request.method + " " + request.path] + query).joined(separator: " "),
                    body: String(decoding: request.body, as: UTF8.self)))
            return await filled.respond(to: request)
        }
        notes = asked
        try server.start()
        url = "http://127.0.0.1:\(server.boundPort)"
    }

    var port: UInt16 { server.boundPort }
    var lines: [String] { notes.all.map(\.line) }
    var bodies: [String] { notes.all.map(\.body) }

    func stop() async { await server.stop() }

    /// Runs a command line against this coordinator.
    func run(
        _ arguments: String..., terminal: Bool = false, answers: [String] = [],
        token: String? = nil
    ) async -> Ran {
        await runCLI(arguments, url: url, terminal: terminal, answers: answers, token: token)
    }
}

func runCLI(
    _ arguments: [String], url: String = "http://127.0.0.1:1", terminal: Bool = false,
    answers: [String] = [], token: String? = nil
) async -> Ran {
    let console = TestConsole(answers: answers)
    var variables = ["AIBUILD_URL": url]
    variables["AIBUILD_TOKEN"] = token
    let cli = CLI(console: console.console(isTerminal: terminal), variables: variables)
    let code = await cli.run(arguments)
    return Ran(code: code, out: console.out, err: console.err)
}

/// Runs `body` with a coordinator of these routes.
func withCoordinator(
    _ routes: (inout Router) -> Void, _ body: (FakeCoordinator) async throws -> Void
) async throws {
    let coordinator = try FakeCoordinator(routes)
    do { try await body(coordinator) } catch {
        await coordinator.stop()
        throw error
    }
    await coordinator.stop()
}

extension Router {
    /// Answers with this JSON.
    mutating func say(_ method: String, _ path: String, _ json: String, status: Int = 200) {
        on(method, path) { _, _ in .text(json, type: "application/json", status: status) }
    }
}

/// Pieces of a stream, one after the other, then its end.
final class Pieces: HTTPStreamSource {
    private let rest: Mutex<[String]>

    init(_ pieces: [String]) { rest = Mutex(pieces) }

    func next() async -> [UInt8]? {
        rest.withLock { $0.isEmpty ? nil : Array($0.removeFirst().utf8) }
    }

    func cancelled() async {}
}
