public import BuildProtocol
public import CoordinatorCore
import FoundationEssentials
import Glibc
import LoopKit
public import SSHKit
import Support

/// Hosts over SSH. Each host has one long-lived session for control and logs; artifacts and
/// templates travel over sessions of their own, on event loops of their own, because one session
/// is bound by one core and a transfer must not hold up the logs.
public final class SSHHostGateway: HostGateway {
    private let identity: SSHIdentity
    private let control: EventLoop
    private let bulk: SessionPool

    /// - Throws: `SystemError` when no event loop can be started.
    public init(identity: SSHIdentity) throws {
        self.identity = identity
        control = try EventLoop(name: "ssh-control")
        bulk = SessionPool(
            identity: identity,
            loops: try (0..<SSHLimits.bulkLoops).map { try EventLoop(name: "ssh-bulk-\($0)") })
    }

    public func open(_ host: Host) async throws -> any HostChannel {
        do {
            let connection = try await SSHConnection.connect(
                to: try SSHEndpoint(host.address), expecting: try SSHHostKey(host.hostKey),
                identity: identity, options: SSHLimits.control, loop: control)
            return try await SSHHostChannel.open(host.name, connection)
        } catch {
            throw HostFault(naming: host, error)
        }
    }

    public func scanHostKey(_ address: String) async throws -> HostKey {
        do {
            let key = try await SSHConnection.scanHostKey(
                of: try SSHEndpoint(address), options: SSHLimits.control, loop: control)
            return HostKey(key: key.description, fingerprint: key.fingerprint)
        } catch {
            throw HostFault("\(error)", isPermanent: false)
        }
    }

    public func deliver(_ template: TemplateArchive, to host: Host) async throws {
        let path = templatePath(template)
        try await withChannel(
            host, "receive \(template.sha256) \(template.sizeBytes)"
        ) { channel in
            let file = try Descriptor(path, O_RDONLY)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
            defer { buffer.deallocate() }
            while case let count = try file.read(into: buffer), count > 0 {
                try await channel.write(Array(buffer[..<count]))
            }
            try await channel.sendEOF()
            let answer = try await channel.line()
            guard let answer = try? JSONDecoder().decode(GateAnswer.self, from: Data(answer)),
                answer.ok == true
            else { throw HostFault("the host did not take the template: \(text(answer))") }
        }
    }

    public func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64, into sink: @Sendable (_ offset: Int64, _ bytes: [UInt8]) async throws -> Void
    ) async throws {
        guard Names.isFileName(artifact.name), !artifact.name.contains(" ") else {
            throw HostFault("the artifact name \(Names.quoted(artifact.name)) cannot be asked for")
        }
        try await withChannel(
            host, "send \(attempt) \(artifact.name) \(offset) \(length)"
        ) { channel in
            let head = try await channel.line()
            guard let answer = try? JSONDecoder().decode(GateAnswer.self, from: Data(head)),
                answer.sizeBytes == artifact.sizeBytes
            else { throw HostFault("the host cannot send \(artifact.name): \(text(head))") }
            var done: Int64 = 0
            while done < length {
                let bytes = try await channel.read(upTo: SSHLimits.readBytes)
                guard !bytes.isEmpty else {
                    throw HostFault("\(artifact.name) ended \(length - done) bytes too early")
                }
                guard done + Int64(bytes.count) <= length else {
                    throw HostFault("the host sent more of \(artifact.name) than was asked for")
                }
                try await sink(offset + done, bytes)
                done += Int64(bytes.count)
            }
        }
    }
}
