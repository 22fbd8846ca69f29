import AgentCore
import BuildProtocol
import FoundationEssentials
import Glibc
import ProcessKit
import Support
import TextKit

/// A client of QEMU's control socket (QMP): one JSON object a line. The peer is untrusted, since
/// the build program could have made the socket: every wait ends at the deadline, and every line is
/// bounded. Blocks: use it on a thread of its own.
final class QMPClient {
    private let socket: Descriptor
    private let deadlineMilliseconds: Int64
    private var splitter = LineSplitter(limitBytes: AgentLimits.qmpLineBytes)
    private var lines: [[UInt8]] = []

    /// Connects and negotiates capabilities.
    /// - Parameter path: short enough for a socket.
    init(_ path: String, deadlineMilliseconds: Int64) throws {
        socket = try BlockingSocket.connect(path, untilMilliseconds: deadlineMilliseconds)
        self.deadlineMilliseconds = deadlineMilliseconds
        _ = try nextLine()
        _ = try execute("qmp_capabilities", returning: Ignored.self)
    }

    /// The process at the other end.
    var peer: Int32? { BlockingSocket.peer(socket) }

    struct Ignored: Decodable { init(from decoder: any Decoder) {} }

    private struct Command: Encodable {
        var execute: String
        var arguments: [String: String]?
    }

    private struct Reply<Value: Decodable>: Decodable {
        struct Failed: Decodable { var desc: String }
        var `return`: Value?
        var error: Failed?
    }

    /// - Throws: `Failure` with QEMU's error, or with what is wrong with the peer.
    func execute<Value: Decodable>(
        _ command: String, _ arguments: [String: String]? = nil, returning type: Value.Type
    ) throws -> Value {
        let request = try CanonicalJSON.encode(Command(execute: command, arguments: arguments))
        try socket.writeAll(request + [0x0A])
        while true {
            let line = try nextLine()
            let reply: Reply<Value>
            do {
                reply = try JSONDecoder().decode(Reply<Value>.self, from: Data(line))
            } catch {
                throw Failure("cannot parse QEMU's reply to \(command)")
            }
            if let failed = reply.error { throw Failure("\(command): \(failed.desc)") }
            if let value = reply.return { return value }
            // An event: QEMU sends them at any time.
        }
    }

    private func nextLine() throws -> [UInt8] {
        while lines.isEmpty {
            let rest = deadlineMilliseconds - Clocks.monotonicMilliseconds()
            guard rest > 0,
                try Wait.readable([socket.raw], timeoutMilliseconds: Int32(min(rest, 60_000)))
                    == [true]
            else { throw Failure("QEMU did not answer in time") }
            let bytes = try [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                count = try socket.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            guard !bytes.isEmpty else { throw Failure("QEMU closed its control socket") }
            lines = try splitter.push(bytes)
        }
        return lines.removeFirst()
    }
}
