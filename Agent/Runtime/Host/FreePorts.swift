import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Ports for the QEMU of one attempt. Packer searches for free ports itself, but two Packers that
/// search one range at the same time find the same port; so each attempt gets a range of its own.
enum FreePorts {
    /// A block of free ports. Its start depends on the token, so that attempts on one host, of this
    /// agent or another, rarely collide.
    static func block(for token: AttemptToken) throws -> Range<Int> {
        let size = AgentLimits.portsPerAttempt
        let blocks = AgentLimits.portRange.count / size
        let first = Int((UInt64(token.text.prefix(8), radix: 16) ?? 0) % UInt64(blocks))
        for step in 0..<blocks {
            let start =
                AgentLimits.portRange.lowerBound + (first + step) % blocks * size
            let block = start..<start + size
            if block.allSatisfy(isFree) { return block }
        }
        throw Fault(
            .infrastructure, .portRace,
            "no \(size) free ports in a row between \(AgentLimits.portRange.lowerBound) and "
                + "\(AgentLimits.portRange.upperBound)")
    }

    private static func isFree(_ port: Int) -> Bool {
        let socket = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        guard socket.raw >= 0 else { return false }
        // Any address: QEMU forwards on all of them by default.
        return LoopbackSocket.bind(socket.raw, port: UInt16(port), toAllAddresses: true)
    }
}
