import AgentCore
import BuildProtocol
import FoundationEssentials
import Glibc
import ProcessKit
import Support
import TextKit

/// A conversation with QEMU on its control socket (QMP): one JSON object a line. The other end may
/// be anything, since the build program could have made the socket: every wait ends at `deadline`,
/// every line is bounded. Blocks: on a thread of its own.
final class QMPClient {
    private let socket: Descriptor
    private let deadlineMilliseconds: Int64
    private var splitter = LineSplitter(limitBytes: AgentLimits.qmpLineBytes)
    private var lines: [[UInt8]] = []

    /// Connects and is greeted.
    /// - Parameter path: short enough for a socket.
    init(_ path: String, deadlineMilliseconds: Int64) throws {
        socket = try BlockingSocket.connect(path, untilMilliseconds: deadlineMilliseconds)
        self.deadlineMilliseconds = deadlineMilliseconds
        _ = try nextLine()
        _ = try execute("qmp_capabilities", returning: Ignored.self)
    }

    /// The process at the other end.
    var peer: Int32? { BlockingSocket.peer(socket) }

    /// An answer that nobody looks at.
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

    /// - Throws: `Failure` with QEMU's words, or what is wrong with the other end.
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
                throw Failure("QEMU's answer to \(command) cannot be understood")
            }
            if let failed = reply.error { throw Failure("\(command): \(failed.desc)") }
            if let value = reply.return { return value }
            // An event: QEMU tells them when it likes.
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
