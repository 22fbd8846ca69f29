import AgentCore
import BuildProtocol
import Glibc
import Support

/// Ports for the hypervisor of one attempt. Packer looks for free ones itself, but two Packers that
/// look in the same range at the same moment find the same; so each attempt has a range to itself.
enum FreePorts {
    /// A block that nobody listens in now. Where it begins depends on the token, so that attempts
    /// on one host, of this agent or another, rarely meet.
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
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        // Any address: QEMU forwards on all of them unless it is told otherwise.
        address.sin_addr.s_addr = 0
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
