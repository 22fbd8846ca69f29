public import BuildProtocol
public import CoordinatorCore
import FoundationEssentials
import Glibc
import LoopKit
public import SSHKit
import Support
import TextKit

/// Hosts over SSH. Each host has one long-lived connection for control and logs. Artifacts and
/// templates use separate connections and event loops, because one connection is bound to one core
/// and a transfer must not delay the logs.
public final class SSHHostGateway: HostGateway {
    private let identity: SSHIdentity
    private let template: @Sendable (TemplateArchive, Int64) async throws -> [UInt8]
    private let control: EventLoop
    private let transfers: TransferConnections

    /// - Parameter template: reads a piece of an archive from an offset; empty at the end.
    /// - Throws: `SystemError` if an event loop cannot be started.
    public init(
        identity: SSHIdentity,
        template: @escaping @Sendable (TemplateArchive, Int64) async throws -> [UInt8]
    ) throws {
        self.identity = identity
        self.template = template
        control = try EventLoop(name: "ssh-control")
        transfers = TransferConnections(
            identity: identity,
            loops: try (0..<SSHLimits.transferLoops).map {
                try EventLoop(name: "ssh-transfer-\($0)")
            })
    }

    public func checked(_ host: Host) throws -> Host {
        var host = host
        do {
            host.hostKey =
                try KnownHosts.key(of: try SSHEndpoint(host.address), in: host.hostKey).description
        } catch { throw HostFault(.unusable, cause: error) }
        return host
    }

    public func open(_ host: Host, epoch: Int64) async throws -> any HostChannel {
        do {
            let endpoint = try SSHEndpoint(host.address)
            let connection = try await SSHConnection.connect(
                to: endpoint,
                expecting: try SSHHostKey(host.hostKey),
                identity: identity, options: SSHLimits.control, loop: control)
            return try await SSHHostChannel.open(
                host.name, connection, epoch: epoch,
                remedy: { [identity, control] in
                    let key = await identity.publicKey(loop: control)
                    return GateKey(publicKey: key).remedy(user: endpoint.user)
                })
        } catch {
            throw HostFault(naming: host, error)
        }
    }

    /// The line of `authorized_keys` that lets this coordinator in; `nil` if only the private half
    /// of its key is at hand.
    public func authorizedKey() async -> String? {
        await identity.publicKey(loop: control).map { GateKey(publicKey: $0).line }
    }

    public func scanHostKey(_ address: String) async throws -> HostKey {
        do {
            let key = try await SSHConnection.scanHostKey(
                of: try SSHEndpoint(address), options: SSHLimits.control, loop: control)
            return HostKey(key: key.description, fingerprint: key.fingerprint)
        } catch {
            throw HostFault(.unreachable, cause: error)
        }
    }

    public func deliver(_ template: TemplateArchive, to host: Host) async throws {
        let piece = self.template
        try await withChannel(
            host, "receive \(template.sha256) \(template.sizeBytes)"
        ) { channel in
            var offset: Int64 = 0
            while case let bytes = try await piece(template, offset), !bytes.isEmpty {
                try await channel.write(bytes)
                offset += Int64(bytes.count)
            }
            try await channel.sendEOF()
            let answer = try await channel.line()
            guard let answer = GateAnswer(line: answer),
                answer.ok == true
            else {
                throw HostFault(.refused, "the host did not take the template: \(show(answer))")
            }
        }
    }

    public func check(_ start: Start, on host: Host) async throws -> Fault? {
        let message = try LineCodec.encode(CoordinatorMessage.start(start))
        var found: Fault?
        try await withChannel(host, "check \(message.count)") { channel in
            try await channel.write(message)
            try await channel.sendEOF()
            let line = try await channel.line()
            guard let answer = GateAnswer(line: line),
                answer.ok == true
            else {
                throw HostFault(.refused, "host \(host.name) cannot tell: \(show(line))")
            }
            found = answer.fault
        }
        return found
    }

    public func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64,
        into sink: @escaping @Sendable (_ offset: Int64, _ bytes: [UInt8]) async throws -> Void
    ) async throws {
        // In hexadecimal, because a name may contain characters that a shell would interpret.
        let name = Hex.encode(artifact.name.utf8)
        try await withChannel(
            host, "send \(attempt) \(name) \(offset) \(length)"
        ) { channel in
            let head = try await channel.line()
            guard let answer = GateAnswer(line: head),
                answer.sizeBytes == length
            else {
                throw HostFault(.refused, "the host cannot send \(artifact.name): \(show(head))")
            }
            try await copy(channel, offset, length, artifact.name, sink)
        }
    }

    /// Reads one piece ahead while the previous one is written and hashed.
    private func copy(
        _ channel: GateChannel, _ offset: Int64, _ length: Int64, _ name: String,
        _ sink: @escaping @Sendable (Int64, [UInt8]) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var done: Int64 = 0
            while done < length {
                let wanted = Int(min(Int64(SSHLimits.pieceBytes), length - done))
                let piece = try await channel.read(exactly: wanted)
                guard piece.count == wanted else {
                    throw HostFault(.unreachable, "\(name) ended \(length - done) bytes too early")
                }
                let place = offset + done
                done += Int64(wanted)
                try await group.next()
                group.addTask { try await sink(place, piece) }
            }
            try await group.waitForAll()
        }
    }

    /// Runs one gate command on a transfer connection. The connection is reused only after a
    /// complete transfer: an interrupted one may have left data in flight.
    private func withChannel(
        _ host: Host, _ command: String, _ body: (GateChannel) async throws -> Void
    ) async throws {
        let (connection, channel) = try await openChannel(host, "aibuild-agent gate " + command)
        do {
            let gate = GateChannel(channel)
            try await gate.skipPreamble(host.name)
            try await body(gate)
            await channel.close()
        } catch {
            await connection.close()
            throw error is SSHError ? HostFault(naming: host, error) : error
        }
        await transfers.give(back: connection, host)
    }

    /// A connection that was kept may have been cut meanwhile, or its host may still count the last
    /// channel (`MaxSessions 1`): a new one is opened then.
    private func openChannel(
        _ host: Host, _ command: String
    ) async throws -> (SSHConnection, SSHChannel) {
        if let kept = await transfers.takeKept(host) {
            do { return (kept, try await kept.openChannel(command: command)) } catch {
                await kept.close()
                try Task.checkCancellation()
            }
        }
        do {
            let connection = try await connect(to: host)
            do { return (connection, try await connection.openChannel(command: command)) } catch {
                await connection.close()
                throw error
            }
        } catch {
            throw HostFault(naming: host, error)
        }
    }

    /// Beyond its `MaxStartups`, sshd drops logins at random until others have ended, which takes
    /// moments.
    private func connect(to host: Host) async throws -> SSHConnection {
        for milliseconds in SSHLimits.loginPausesMilliseconds {
            do {
                return try await transfers.connect(to: host)
            } catch let error as SSHError where error.code == .connectionLost {
                // Those that were dropped together do not return together.
                let pause = Int64.random(in: milliseconds / 2...milliseconds)
                try await Task.sleep(for: .milliseconds(pause))
            }
        }
        return try await transfers.connect(to: host)
    }

    private func show(_ line: [UInt8]) -> String {
        if let answer = GateAnswer(line: line),
            let message = answer.message
        {
            return message.prefixOfUTF8(500)
        }
        return Names.quoted(String(decoding: line.prefix(200), as: UTF8.self))
    }
}

/// The gate's response to `send`, `receive` and `check`, or its refusal (an `error` message).
private struct GateAnswer: Decodable {
    var ok: Bool?
    var sizeBytes: Int64?
    var message: String?
    var fault: Fault?

    /// `nil` if the line is no answer.
    init?(line: [UInt8]) {
        guard let answer = try? JSONDecoder().decode(GateAnswer.self, from: Data(line)) else {
            return nil
        }
        self = answer
    }
}

extension HostFault {
    /// Keeps a `HostFault` unchanged; adds the host's name to any other error.
    init(naming host: Host, _ error: any Error) {
        switch error {
        case let fault as HostFault: self = fault
        case let error as SSHError where error.code == .hostKeyChanged:
            self.init(
                .unusable,
                "host \(host.name): \(error) To replace it: aibuild host change \(host.name) "
                    + "--fingerprint FINGERPRINT")
        case let error as SSHError:
            let code = error.isPermanent ? HostFaultCode.unusable : .unreachable
            self.init(code, "host \(host.name)", cause: error)
        default: self.init(.unreachable, "host \(host.name) (\(host.address))", cause: error)
        }
    }
}
