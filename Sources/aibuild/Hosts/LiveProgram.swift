import Glibc
import ProcessKit
import Support

/// A program whose output is handed on line by line while it runs.
struct LiveProgram: Sendable {
    /// The program first.
    var arguments: [String]
    var environment: [String: String]
    /// Its whole input.
    var input: [UInt8] = []
    /// Whether it may ask something on the terminal of this program.
    var isInteractive = false
    var timeoutSeconds: Int

    /// More than this without a newline is no line.
    private static let lineBytes = 64 << 10
    private static let chunkBytes = 16 << 10
    /// The largest pipe of an unprivileged user holds no more.
    private static let pipeChunks = (1 << 20) / chunkBytes

    /// - Throws: `SystemError` if it cannot be started, `Failure` after the timeout.
    func run(
        out: @escaping @Sendable (String) -> Void, err: @escaping @Sendable (String) -> Void
    ) async throws -> ExitStatus {
        try await OwnThread.run { try runBlocking(out: out, err: err) }
    }

    private func runBlocking(
        out: (String) -> Void, err: (String) -> Void
    ) throws -> ExitStatus {
        // On no disk: it may have a password.
        let memory = try MemoryFile(input)
        let stdin = try Descriptor(input.isEmpty ? "/dev/null" : memory.path, O_RDONLY)
        var output = try Pipe()
        var error = try Pipe()
        let child = try ChildProcess(
            ProcessKit.Command(arguments, environment: environment),
            streams: .init(
                input: stdin.raw, output: output.writeDescriptor, error: error.writeDescriptor))
        output.closeWriteEnd()
        error.closeWriteEnd()
        let terminal = isInteractive ? Terminal.give(to: child.pid) : nil
        defer { terminal?.takeBack() }
        var lines = (out: LineBuffer(), err: LineBuffer())
        let deadline = Clocks.monotonicMilliseconds() + Int64(timeoutSeconds) * 1000
        while true {
            let rest = deadline - Clocks.monotonicMilliseconds()
            let ready = try Wait.readable(
                [
                    child.pidfd.raw, lines.out.hasEnded ? -1 : output.readEnd.raw,
                    lines.err.hasEnded ? -1 : error.readEnd.raw,
                ], timeoutMilliseconds: Int32(clamping: max(0, rest)))
            if rest <= 0 { child.signalGroup(SIGKILL) }
            // Taken before the pipes are drained: they then have all that it wrote itself.
            let status = ready[0] ? try child.reap() : nil
            // A program that never pauses must not keep this from looking at the time.
            let chunks = status == nil ? 1 : Self.pipeChunks
            if ready[1] || status != nil { try lines.out.drain(output, chunks, out) }
            if ready[2] || status != nil { try lines.err.drain(error, chunks, err) }
            guard let status else { continue }
            if rest <= 0 { throw Failure("it ran longer than \(timeoutSeconds) s and was killed") }
            return status
        }
    }

    /// What has come of a stream, up to its last newline.
    private struct LineBuffer {
        var hasEnded = false
        private var rest: [UInt8] = []

        /// - Parameter chunks: how many are read at most.
        mutating func drain(
            _ pipe: borrowing Pipe, _ chunks: Int, _ take: (String) -> Void
        ) throws(SystemError) {
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: LiveProgram.chunkBytes, alignment: 1)
            defer { buffer.deallocate() }
            reading: for _ in 0..<chunks {
                switch try pipe.read(into: buffer) {
                case .nothingYet: break reading
                case .end:
                    hasEnded = true
                    break reading
                case .bytes(let count): rest.append(contentsOf: buffer[..<count])
                }
            }
            var start = 0
            while let end = rest[start...].firstIndex(of: 0x0A) {
                take(String(decoding: rest[start..<end], as: UTF8.self))
                start = end + 1
            }
            rest.removeFirst(start)
            if hasEnded || rest.count > LiveProgram.lineBytes, !rest.isEmpty {
                take(String(decoding: rest, as: UTF8.self))
                rest = []
            }
        }
    }
}

/// The terminal while a child asks something on it. Children have process groups of their own, and
/// only one group may read from the terminal.
private struct Terminal {
    let descriptor: Int32
    let group: pid_t

    /// `nil` without a terminal, or if this program itself may not read from it.
    static func give(to pid: pid_t) -> Terminal? {
        let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        let group = getpgrp()
        guard tcgetpgrp(descriptor) == group, tcsetpgrp(descriptor, pid) == 0 else {
            close(descriptor)
            return nil
        }
        // It may have been stopped because it asked too early.
        kill(-pid, SIGCONT)
        return Terminal(descriptor: descriptor, group: group)
    }

    func takeBack() {
        var signals = sigset_t()
        var before = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTTOU)
        pthread_sigmask(SIG_BLOCK, &signals, &before)
        tcsetpgrp(descriptor, group)
        pthread_sigmask(SIG_SETMASK, &before, nil)
        close(descriptor)
    }
}
