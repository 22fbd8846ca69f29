import BuildProtocol
import FoundationEssentials
import LoopKit
import Support

/// A coordinator's end of the protocol.
final class TestClient {
    private let stream: AsyncDescriptor
    private var splitter = LineSplitter()
    private var lines: [[UInt8]] = []

    init(_ socket: String) async throws {
        let loop = try TestAgent.loop.get()
        stream = try await UnixSocket.connect(path: socket, loop: loop)
    }

    func greet(epoch: Int64? = nil) async throws -> AgentHello {
        try await send(.hello(CoordinatorHello(epoch: epoch)))
        let first = try await next()
        guard case .hello(let hello) = first else {
            throw Failure("no hello, but \(first)")
        }
        return hello
    }

    func send(_ message: CoordinatorMessage) async throws {
        try await stream.write(LineCodec.encode(message))
    }

    func send(raw: String) async throws { try await stream.write(Array(raw.utf8)) }

    /// The next message; throws at the end of the session.
    func next() async throws -> AgentMessage {
        while lines.isEmpty {
            let bytes = try await stream.read(upTo: 64 << 10)
            if bytes.isEmpty { throw Failure("the agent ended the session") }
            lines = try splitter.push(bytes)
        }
        return try LineCodec.decode(AgentMessage.self, from: lines.removeFirst())
    }

    /// The next message that is not a host report.
    func answer() async throws -> AgentMessage {
        while true {
            let message = try await next()
            if case .host = message { continue }
            return message
        }
    }

    func close() { stream.close() }

    /// What `follow` received, to the end of the attempt.
    struct Followed {
        var log = ""
        var phases: [AttemptState] = []
        var finished: Finished

        /// The texts of the log's records.
        var texts: [String] {
            log.split(separator: "\n").map { line in
                (try? JSONDecoder().decode(LogRecord.self, from: Data(line.utf8)))?.m ?? "?"
            }
        }

        var fault: Fault? { finished.outcome.fault }
    }

    func follow(_ token: AttemptToken, from cursor: Int64 = 0) async throws -> Followed {
        try await send(.follow(Follow(attempt: token, cursor: cursor)))
        var log = ""
        var phases: [AttemptState] = []
        while true {
            switch try await next() {
            // Sent before this follow replaced another one.
            case .log(let chunk) where log.isEmpty && chunk.cursor != cursor: break
            case .log(let chunk) where chunk.attempt == token:
                guard chunk.cursor == cursor + Int64(log.utf8.count) else {
                    throw Failure("a gap in the log at \(chunk.cursor)")
                }
                guard chunk.data.hasSuffix("\n") else { throw Failure("a cut line") }
                log += chunk.data
            case .phase(let phase) where phase.attempt == token: phases.append(phase.state)
            case .finished(let finished) where finished.attempt == token:
                // So was this.
                if log.isEmpty, finished.logBytes > cursor { continue }
                guard finished.logBytes == cursor + Int64(log.utf8.count) else {
                    throw Failure("finished came before the log's end")
                }
                return Followed(log: log, phases: phases, finished: finished)
            case .host: break
            case let other: throw Failure("unexpected \(other)")
            }
        }
    }

    /// Starts an attempt and follows it to its end.
    func build(_ start: Start) async throws -> Followed {
        try await send(.start(start))
        switch try await answer() {
        case .phase: break
        case let other: throw Failure("the start was refused: \(other)")
        }
        return try await follow(start.attempt)
    }

    /// Follows until the log contains a text.
    func follow(_ token: AttemptToken, until text: String) async throws {
        try await send(.follow(Follow(attempt: token, cursor: 0)))
        var log = ""
        while !log.contains(text) {
            switch try await next() {
            case .log(let chunk): log += chunk.data
            case .finished(let finished): throw Failure("ended early: \(finished.outcome) \(log)")
            default: break
            }
        }
    }
}
