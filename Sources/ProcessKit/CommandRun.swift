import CLinux
import Glibc
import Support

extension Command {
    /// The result of a finished program.
    public struct Output: Sendable, Hashable {
        public var status: ExitStatus
        public var stdout: [UInt8]
        public var stderr: [UInt8]

        public var stdoutText: String { String(decoding: stdout, as: UTF8.self) }
        public var stderrText: String { String(decoding: stderr, as: UTF8.self) }
    }

    /// Runs the program to its end on a thread of its own.
    ///
    /// The program is killed with its process group if it runs longer than `timeoutSeconds`, writes
    /// more than `outputLimitBytes` to one stream, or if the task is cancelled.
    /// - Parameter stdin: the program's whole input.
    /// - Throws: `SystemError` if it cannot be started, `Failure` for timeout and limit,
    ///   `CancellationError`. An exit status other than 0 is not an error.
    public func run(
        stdin: [UInt8] = [], timeoutSeconds: Int, outputLimitBytes: Int = 1 << 20
    ) async throws -> Output {
        let cancelled = try SharedWakeUp()
        return try await withTaskCancellationHandler {
            try await OwnThread.run {
                try runBlocking(
                    stdin: stdin, timeoutSeconds: timeoutSeconds,
                    outputLimitBytes: outputLimitBytes, cancelled: cancelled)
            }
        } onCancel: {
            cancelled.wakeUp.signal()
        }
    }

    /// As `run`, on the calling thread, which must not belong to the cooperative pool.
    public func runBlocking(
        stdin: [UInt8] = [], timeoutSeconds: Int, outputLimitBytes: Int = 1 << 20
    ) throws -> Output {
        try runBlocking(
            stdin: stdin, timeoutSeconds: timeoutSeconds, outputLimitBytes: outputLimitBytes,
            cancelled: SharedWakeUp())
    }

    private func runBlocking(
        stdin: [UInt8], timeoutSeconds: Int, outputLimitBytes: Int, cancelled: SharedWakeUp
    ) throws -> Output {
        let input = try Self.inputFile(stdin)
        var out = try Pipe()
        var err = try Pipe()
        let child = try ChildProcess(
            self,
            streams: .init(
                input: input.raw, output: out.writeDescriptor, error: err.writeDescriptor))
        out.closeWriteEnd()
        err.closeWriteEnd()
        var collector = Collector(limitBytes: outputLimitBytes)
        do {
            let status = try Self.watch(
                child, out, err, cancelled, &collector,
                deadline: Clocks.monotonicMilliseconds() + Int64(timeoutSeconds) * 1000)
            return Output(status: status, stdout: collector.stdout, stderr: collector.stderr)
        } catch let stop as Stop {
            child.signalGroup(SIGKILL)
            while try child.reap() == nil {
                _ = try Wait.readable([child.pidfd.raw], timeoutMilliseconds: -1)
            }
            let name = arguments.first ?? ""
            switch stop {
            case .cancelled: throw CancellationError()
            case .timeout:
                throw Failure("\(name) ran longer than \(timeoutSeconds) s and was killed")
            case .outputLimit:
                throw Failure("\(name) wrote more than \(outputLimitBytes) bytes and was killed")
            }
        }
    }

    private enum Stop: Error { case timeout, outputLimit, cancelled }

    private static func watch(
        _ child: borrowing ChildProcess, _ out: borrowing Pipe, _ err: borrowing Pipe,
        _ cancelled: SharedWakeUp, _ collector: inout Collector, deadline: Int64
    ) throws -> ExitStatus {
        while true {
            let rest = deadline - Clocks.monotonicMilliseconds()
            if rest <= 0 { throw Stop.timeout }
            let ready = try Wait.readable(
                [
                    child.pidfd.raw, collector.outEnded ? -1 : out.readEnd.raw,
                    collector.errEnded ? -1 : err.readEnd.raw, cancelled.wakeUp.descriptor.raw,
                ], timeoutMilliseconds: Int32(clamping: rest))
            if ready[3] { throw Stop.cancelled }
            // The exit is taken before the pipes are drained: they then hold all that the child
            // itself wrote, and a grandchild that keeps them open is not waited for.
            let status = ready[0] ? try child.reap() : nil
            if ready[1] || status != nil { try collector.drain(out, isError: false) }
            if ready[2] || status != nil { try collector.drain(err, isError: true) }
            if collector.isOverLimit { throw Stop.outputLimit }
            if let status { return status }
        }
    }

    private static func inputFile(_ bytes: [UInt8]) throws(SystemError) -> Descriptor {
        guard !bytes.isEmpty else { return try Descriptor("/dev/null", O_RDONLY) }
        let file = Descriptor(owning: try checked(aib_memory_file(), "cannot make a memory file"))
        try file.writeAll(bytes)
        lseek(file.raw, 0, SEEK_SET)
        return file
    }

    private struct Collector {
        let limitBytes: Int
        var stdout: [UInt8] = []
        var stderr: [UInt8] = []
        var outEnded = false
        var errEnded = false

        var isOverLimit: Bool { stdout.count > limitBytes || stderr.count > limitBytes }

        mutating func drain(_ pipe: borrowing Pipe, isError: Bool) throws(SystemError) {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 1)
            defer { buffer.deallocate() }
            while !isOverLimit {
                switch try pipe.read(into: buffer) {
                case .nothingYet: return
                case .end:
                    if isError { errEnded = true } else { outEnded = true }
                    return
                case .bytes(let count):
                    if isError {
                        stderr.append(contentsOf: buffer[..<count])
                    } else {
                        stdout.append(contentsOf: buffer[..<count])
                    }
                }
            }
        }
    }
}

/// A `WakeUp` shared by a cancellation handler and a thread.
private final class SharedWakeUp: Sendable {
    let wakeUp: WakeUp
    init() throws(SystemError) { wakeUp = try WakeUp() }
}
