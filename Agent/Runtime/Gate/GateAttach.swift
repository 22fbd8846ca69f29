import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Connects stdio to the daemon's socket. One thread per direction, so that neither waits for the
/// other; there are no buffers but the kernel's.
struct GateAttach {
    let configuration: AgentConfiguration

    func run() throws -> Int32 {
        let socket: Descriptor
        do throws(SystemError) {
            socket = try BlockingSocket.connect(configuration.socketPath)
        } catch {
            GateProgram.report(
                .noDaemon,
                "the agent's daemon does not run on \(HostFacts.hostName()) "
                    + "(\(error)); start it: systemctl start aibuild-agent")
            return EX_UNAVAILABLE
        }
        let upstream = socket.raw
        // The process exits with the other direction, though this thread may still wait for input.
        try OwnThread.start {
            Self.copy(from: 0, to: upstream)
            shutdown(upstream, Int32(SHUT_WR))
        }
        Self.copy(from: upstream, to: 1)
        _ = consume socket
        return 0
    }

    /// Copies until the source ends or the sink is closed.
    private static func copy(from source: Int32, to sink: Int32) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: AgentLimits.readBytes, alignment: 4096)
        defer { buffer.deallocate() }
        guard let input = try? Stdio.descriptor(source), let output = try? Stdio.descriptor(sink)
        else { return }
        while let count = try? input.read(into: buffer), count > 0 {
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if (try? output.writeAll(piece)) == nil { return }
        }
    }
}
