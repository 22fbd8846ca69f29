import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// `aibuild-agent gate`: what a coordinator's SSH key is forced to.
struct GateProgram {
    let configuration: AgentConfiguration

    /// - Parameter arguments: the command of the SSH client.
    func run(_ arguments: [String]) -> Int32 {
        do {
            // First of all: it tells the coordinator where the output of a login shell ends.
            try Self.out(Array((ProtocolVersion.magicLine + "\n").utf8))
            switch try GateCommand(arguments) {
            case .attach: return try GateAttach(configuration: configuration).run()
            case .send(let attempt, let name, let offset, let length):
                try GateSend(state: configuration.state).run(attempt, name, offset, length)
            case .receive(let sha256, let size):
                try GateReceive(state: configuration.state).run(sha256, size)
            case .check(let size): try GateCheck(configuration: configuration).run(size)
            }
            return 0
        } catch let refused as GateCommand.Refused {
            Self.report(.malformed, refused.description)
            return EX_USAGE
        } catch let refusal as GateRefusal {
            Self.report(refusal.code, refusal.message)
            return EX_USAGE
        } catch {
            Self.report(.internal, "\(error)")
            return EX_IOERR
        }
    }

    static func report(_ code: ErrorReport.Code, _ message: String) {
        let error = AgentMessage.error(ErrorReport(code: code, message: message))
        if let line = try? LineCodec.encode(error) { try? out(line) }
    }

    static func out(_ bytes: [UInt8]) throws(SystemError) {
        try Stdio.descriptor(1).writeAll(bytes)
    }
}

/// Copies of standard input and output that may be closed.
enum Stdio {
    static func descriptor(_ number: Int32) throws(SystemError) -> Descriptor {
        let copy = dup(number)
        if copy < 0 { throw .last("cannot use standard input and output") }
        return Descriptor(owning: copy)
    }
}

/// Why the gate refuses a command, for the coordinator.
struct GateRefusal: Error {
    var code: ErrorReport.Code
    var message: String
}
