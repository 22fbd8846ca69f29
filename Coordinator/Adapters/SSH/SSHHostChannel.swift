import BuildProtocol
import CoordinatorCore
import SSHKit

/// One control session: the gate's `attach`, after its magic line.
final class SSHHostChannel: HostChannel {
    let hello: AgentHello
    private let host: String
    private let connection: SSHConnection
    private let channel: SSHChannel
    private let reader: MessageReader

    private init(
        _ hello: AgentHello, _ host: String, _ connection: SSHConnection, _ channel: SSHChannel,
        _ reader: MessageReader
    ) {
        self.hello = hello
        self.host = host
        self.connection = connection
        self.channel = channel
        self.reader = reader
    }

    /// Starts the gate, skips the login shell's output, and exchanges `hello`.
    /// - Parameter remedy: what to do if the gate does not answer.
    static func open(
        _ host: String, _ connection: SSHConnection, epoch: Int64,
        remedy: @escaping @Sendable () async -> String
    ) async throws -> SSHHostChannel {
        do {
            let channel = try await connection.openChannel(command: "aibuild-agent gate attach")
            let reader = MessageReader(channel: channel)
            try await withDeadline(host, connection) {
                try await reader.skipPreamble(host, remedy: remedy)
                try await channel.write(
                    try LineCodec.encode(CoordinatorMessage.hello(CoordinatorHello(epoch: epoch))))
            }
            let first = try await withDeadline(host, connection) { try await reader.next() }
            let hello = try greeting(first, host)
            return SSHHostChannel(hello, host, connection, channel, reader)
        } catch {
            await connection.close()
            throw error
        }
    }

    private static func greeting(_ message: AgentMessage?, _ host: String) throws -> AgentHello {
        switch message {
        case .hello(let hello):
            if let refusal = hello.version.refusal(coordinator: .current, host: host) {
                throw HostFault(.unusable, refusal)
            }
            return hello
        case .error(let report):
            throw HostFault(.refused, "the agent on \(host) says: \(report.message)")
        case nil:
            throw HostFault(.refused, "the agent on \(host) ended the session before its hello")
        default: throw HostFault(.refused, "the agent on \(host) did not begin with hello")
        }
    }

    /// A silent gate is ended by closing its connection.
    private static func withDeadline<T: Sendable>(
        _ host: String, _ connection: SSHConnection,
        _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: .milliseconds(SSHLimits.helloMilliseconds))
                await connection.close()
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let value = result { return value }
                throw HostFault(
                    .unreachable,
                    "nothing came from aibuild-agent on \(host) for "
                        + "\(SSHLimits.helloMilliseconds / 1000) s after it was started")
            }
            throw CancellationError()
        }
    }

    func send(_ message: CoordinatorMessage) async throws {
        do { try await channel.write(try LineCodec.encode(message)) } catch {
            throw HostFault(.unreachable, "cannot send to \(host)", cause: error)
        }
    }

    func next() async throws -> AgentMessage? {
        do { return try await reader.next() } catch let error as ProtocolError {
            throw HostFault(
                .refused, "the agent on \(host) breaks the protocol: upgrade it", cause: error)
        } catch {
            throw HostFault(.unreachable, "session with \(host)", cause: error)
        }
    }

    func close() async { await connection.close() }
}

/// Parses the lines of one channel as messages. One reader at a time.
actor MessageReader {
    private let channel: SSHChannel
    private var splitter = LineSplitter()
    private var lines: [[UInt8]] = []
    private var taken = 0

    init(channel: SSHChannel) { self.channel = channel }

    /// The next message; `nil` at the end. Unknown types are skipped: a newer agent may send
    /// messages that this coordinator does not support.
    func next() async throws -> AgentMessage? {
        var skipped = 0
        while let line = try await line() {
            // Whoever reads counts only messages.
            skipped += 1
            guard skipped <= SSHLimits.skippedLines else {
                throw ProtocolError.malformed(
                    "\(skipped) lines in a row that are no message known here")
            }
            if line.isEmpty { continue }
            do { return try LineCodec.decode(AgentMessage.self, from: line) } catch {
                guard case ProtocolError.unknownType = error else { throw error }
            }
        }
        return nil
    }

    /// Reads up to the magic line. The text before it is shown only if the line never comes.
    func skipPreamble(
        _ host: String, remedy: @Sendable () async -> String
    ) async throws {
        let magic = Array(ProtocolVersion.magicLine.utf8)
        var preamble: [UInt8] = []
        while let line = try await line() {
            // A shell may have printed a prompt or an escape sequence without a newline before it.
            if line.suffix(magic.count).elementsEqual(magic) { return }
            preamble += line + [0x0A]
            guard preamble.count <= ProtocolLimits.preambleBytes else { break }
        }
        throw await missingAgent(host, preamble + splitter.rest, await remedy())
    }

    /// The gate's own words say what is wrong with a configuration that it cannot read.
    private static let configurationStatus: Int32 = 78

    private func missingAgent(
        _ host: String, _ preamble: [UInt8], _ remedy: String
    ) async -> HostFault {
        let status = try? await channel.exitStatus()
        let words = String(decoding: preamble, as: UTF8.self) + (await channel.stderrTail)
        let shown = words.split(whereSeparator: \.isNewline).suffix(3).joined(separator: " | ")
        let said = shown.isEmpty ? "" : "; it said: \(shown.prefixOfUTF8(500))"
        if status == 127 {
            return HostFault(
                .unusable,
                "\(host) has no aibuild-agent in its PATH\(said). Install the agent there. "
                    + remedy)
        }
        return HostFault(
            .unusable,
            "aibuild-agent on \(host) did not answer"
                + (status.map { " (exit status \($0))" } ?? "") + said
                + (status == Self.configurationStatus ? "" : ". \(remedy)"))
    }

    private func line() async throws -> [UInt8]? {
        while taken == lines.count {
            let bytes = try await channel.read(upTo: SSHLimits.readAheadBytes)
            if bytes.isEmpty { return nil }
            lines = try splitter.push(bytes)
            taken = 0
        }
        taken += 1
        return lines[taken - 1]
    }
}
