import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Says whether this host's Packer takes a template, before its build is queued. A supervisor looks
/// at it in the sandbox of an attempt, without a slot.
struct GateCheck {
    let configuration: AgentConfiguration
    private var state: StateFolder { configuration.state }

    private struct Answer: Encodable {
        var ok = true
        var fault: Fault?
    }

    /// - Parameter size: of the `start` on standard input.
    func run(_ size: Int) throws {
        let start = try Self.start(size)
        try Files.makeFolder(state.checks, mode: 0o700)
        let lock = try takeTurn()
        try removeLeftovers()
        let fault = try fault(of: try order(start))
        try GateProgram.out(StateFile.encode(Answer(fault: fault)))
        _ = consume lock
    }

    /// One template at a time, which takes a second or two.
    private func takeTurn() throws -> FileLock {
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.checkTurnMilliseconds
        while true {
            if let lock = try FileLock.tryTake(state.checksLock) { return lock }
            guard Clocks.monotonicMilliseconds() < deadline else {
                throw GateRefusal(
                    code: .refused, message: "this host is looking at other templates now")
            }
            poll(nil, 0, 50)
        }
    }

    private static func start(_ size: Int) throws -> Start {
        let stdin = try Stdio.descriptor(0)
        var bytes = [UInt8](repeating: 0, count: size)
        var done = 0
        while done < size {
            let count = try bytes.withUnsafeMutableBytes {
                try stdin.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[done...]))
            }
            if count == 0 { throw Failure("the message ends after \(done) of \(size) bytes") }
            done += count
        }
        guard case .start(let start) = try LineCodec.decode(CoordinatorMessage.self, from: bytes),
            case .packer = start.recipe.builder
        else {
            throw GateRefusal(code: .malformed, message: "only builds by Packer can be checked")
        }
        return start
    }

    /// Those of a gate that was killed; what runs there ends by its own time limit.
    private func removeLeftovers() throws {
        let files = AttemptFiles(state: state)
        for name in try Files.list(state.checks) {
            guard let token = AttemptToken(name) else { continue }
            let folder = state.check(token)
            _ = AttemptProcesses.killAll(folder, stateFolder: state.root)
            try files.delete(folder.root)
        }
    }

    private func order(_ start: Start) throws -> AttemptOrder {
        var start = start
        start.limits = AttemptLimits(
            totalSeconds: AgentLimits.checkSeconds, silenceSeconds: AgentLimits.checkSeconds,
            logBytes: Int64(AgentLimits.packerTemplateBytes))
        let admission = StartAdmission(
            configuration: configuration, fetchProgram: OwnProgram.fetch)
        do throws(StartAdmission.Refusal) {
            var order = try admission.order(
                start, HostProber(configuration: configuration).probe(), running: [], count: 0)
            order.isCheck = true
            return order
        } catch { throw GateRefusal(code: error.code, message: error.reason) }
    }

    /// - Returns: what is wrong with the template; `nil` if Packer takes it.
    /// - Throws: `GateRefusal` if this host cannot tell.
    private func fault(of order: AttemptOrder) throws -> Fault? {
        let folder = state.check(order.start.attempt)
        let files = AttemptFiles(state: state)
        defer { try? files.delete(folder.root) }
        let supervisor = try files.start(order)
        let limit = Int32(AgentLimits.checkSeconds) * 1000 + AgentLimits.checkSlackMilliseconds
        if try Wait.readable([supervisor.pidfd.raw], timeoutMilliseconds: limit) != [true] {
            supervisor.kill()
            _ = AttemptProcesses.killAll(folder, stateFolder: state.root)
        }
        supervisor.reap()
        guard let outcome = files.result(folder)?.outcome else {
            throw GateRefusal(code: .refused, message: "Packer could not be asked")
        }
        guard let fault = outcome.fault else { return nil }
        guard Self.aboutTheTemplate.contains(fault.code) else {
            throw GateRefusal(code: .refused, message: fault.reason)
        }
        return fault
    }

    /// A limit of time, for example, may be the fault of a busy host.
    private static let aboutTheTemplate: Set<FaultCode> = [
        .packerRejected, .templateInvalid, .templateMissing,
    ]
}
