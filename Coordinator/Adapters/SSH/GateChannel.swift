import BuildProtocol
import CoordinatorCore
import SSHKit

/// A gate command on a transfer connection: lines first, then raw bytes.
final class GateChannel {
    private let channel: SSHChannel
    private var rest: [UInt8] = []

    init(_ channel: SSHChannel) { self.channel = channel }

    /// Skips what a login shell printed before the gate's magic line.
    func skipPreamble(_ host: String) async throws {
        let magic = Array(ProtocolVersion.magicLine.utf8)
        var skipped = 0
        while true {
            let line = try await line()
            if line.suffix(magic.count).elementsEqual(magic) { return }
            skipped += line.count + 1
            guard skipped <= ProtocolLimits.preambleBytes else {
                throw HostFault(.unusable, "aibuild-agent on \(host) did not answer")
            }
        }
    }

    /// The next line, without its newline.
    /// - Throws: at the end of the stream.
    func line() async throws -> [UInt8] {
        while true {
            // A host that sends without pause never lets the read below wait, which would notice.
            try Task.checkCancellation()
            if let newline = rest.firstIndex(of: 0x0A) {
                let line = Array(rest[..<newline])
                rest.removeFirst(newline + 1)
                return line
            }
            guard rest.count <= ProtocolLimits.preambleBytes else {
                throw HostFault(.refused, "the gate sent a line that does not end")
            }
            let bytes = try await channel.read(upTo: 16 << 10)
            guard !bytes.isEmpty else {
                let words = await channel.stderrTail.prefixOfUTF8(300)
                throw HostFault(
                    .refused, "the gate ended the session" + (words.isEmpty ? "" : ": \(words)"))
            }
            rest += bytes
        }
    }

    /// Returns fewer bytes only at the end of the stream.
    func read(exactly countBytes: Int) async throws -> [UInt8] {
        let first = rest.prefix(countBytes)
        rest.removeFirst(first.count)
        let missing = countBytes - first.count
        if missing == 0 { return Array(first) }
        let more = try await channel.read(upTo: missing, atLeast: missing)
        return first.isEmpty ? more : first + more
    }

    func write(_ bytes: [UInt8]) async throws { try await channel.write(bytes) }
    func sendEOF() async throws { try await channel.sendEOF() }
}
