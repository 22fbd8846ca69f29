import Glibc
import LoopKit
import Support

/// A client of an ssh-agent (draft-ietf-sshm-ssh-agent). libssh2's own client blocks while the
/// agent waits for a confirmation of the user, and on the loop every other connection would wait.
struct AgentClient: Sendable {
    struct Identity: Sendable {
        var publicKey: [UInt8]
        var comment: String

        /// Its type and fingerprint, or else its comment.
        var summary: String {
            (try? SSHHostKey(blob: publicKey)).map { "\($0.type) \($0.fingerprint)" }
                ?? printable(comment)
        }
    }

    let path: String
    private let stream: AsyncDescriptor

    private enum Message {
        static let requestIdentities: UInt8 = 11
        static let identities: UInt8 = 12
        static let signRequest: UInt8 = 13
        static let signature: UInt8 = 14
    }

    /// - Throws: `SSHError` (`agentUnusable`), `CancellationError`.
    init(socketPath: String?, loop: EventLoop) async throws {
        guard let path = socketPath ?? getenv("SSH_AUTH_SOCK").map({ String(cString: $0) }) else {
            throw SSHError(
                .agentUnusable,
                "No ssh-agent: SSH_AUTH_SOCK is not set. Start an agent, or use a key file.")
        }
        self.path = path
        do {
            stream = try await UnixSocket.connect(path: path, loop: loop)
        } catch let error as SystemError {
            throw SSHError(
                .agentUnusable,
                "Cannot connect to the ssh-agent at \(path). Start it, or use a key file.",
                cause: error)
        }
    }

    func close() { stream.close() }

    /// An agent and those of its keys that are worth trying.
    static func open(
        socketPath: String?, loop: EventLoop
    ) async throws -> (agent: AgentClient, identities: [Identity]) {
        let agent = try await AgentClient(socketPath: socketPath, loop: loop)
        do {
            let identities = try await withDeadline(
                Deadline(in: SSHLimits.agentMilliseconds), loop: loop
            ) { try await agent.identities() }
            guard !identities.isEmpty else {
                throw SSHError(
                    .agentUnusable,
                    "The ssh-agent at \(agent.path) holds no key. Add one with `ssh-add`.")
            }
            return (agent, Array(identities.prefix(SSHLimits.agentKeys)))
        } catch is DeadlinePassed {
            agent.close()
            throw SSHError(.agentUnusable, "The ssh-agent at \(agent.path) does not answer.")
        } catch {
            agent.close()
            throw error
        }
    }

    /// The keys of the agent.
    func identities() async throws -> [Identity] {
        let answer = try await ask([Message.requestIdentities])
        do throws(WireReader.Malformed) {
            var reader = WireReader(answer)
            guard try reader.byte() == Message.identities else { throw WireReader.Malformed() }
            var identities: [Identity] = []
            for _ in 0..<(try reader.uint32()) {
                let key = Array(try reader.string())
                let comment = String(decoding: try reader.string(), as: UTF8.self)
                identities.append(Identity(publicKey: key, comment: comment))
            }
            return identities
        } catch {
            throw malformed()
        }
    }

    /// The bare signature of `data`, or nil if the agent or its user refuses.
    func sign(_ data: [UInt8], with identity: Identity) async throws -> [UInt8]? {
        let flags = Wire.uint32(0)
        let answer = try await ask(
            [Message.signRequest] + Wire.string(identity.publicKey) + Wire.string(data) + flags)
        guard answer.first == Message.signature else { return nil }
        do throws(WireReader.Malformed) {
            var reader = WireReader(answer.dropFirst())
            var signature = WireReader(try reader.string())
            _ = try signature.text()  // algorithm
            return Array(try signature.string())
        } catch {
            throw malformed()
        }
    }

    private func ask(_ message: [UInt8]) async throws -> [UInt8] {
        do {
            try await stream.write(Wire.string(message))
            var queue = ByteQueue(stream: stream)
            var head = WireReader(try await queue.bytes(4))
            let length = Int(try head.uint32())
            guard length > 0, length <= SSHLimits.agentMessageBytes else { throw malformed() }
            return try await queue.bytes(length)
        } catch let error as SystemError {
            throw SSHError(
                .agentUnusable, "Lost the ssh-agent at \(path).", cause: error)
        } catch is WireReader.Malformed {
            throw malformed()
        }
    }

    private func malformed() -> SSHError {
        SSHError(.agentUnusable, "What listens at \(path) does not talk like an ssh-agent.")
    }
}
