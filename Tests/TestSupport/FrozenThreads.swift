import Glibc
import ProcessKit
import Support

/// Stops some threads of a program while the others run, as a deadlock would. It uses ptrace from a
/// separate program, because a tracer is bound to the thread that attached.
public final class FrozenThreads: Sendable {
    private let child: ChildProcess

    /// - Parameter name: the threads' name; all threads of that name are stopped.
    public init(of pid: Int32, named name: String) async throws {
        let output = try Pipe()
        child = try ChildProcess(
            Command(
                ["python3", "-c", Self.script, "\(pid)", name],
                environment: Command.minimalEnvironment),
            streams: .init(output: output.writeDescriptor))
        let pipe = output
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
        defer { buffer.deallocate() }
        try await eventually("the threads \(name) stand still") {
            if case .bytes = try pipe.read(into: buffer) { return true }
            guard try child.reap() == nil else { throw Failure("no thread \(name) to stop") }
            return false
        }
    }

    deinit { thaw() }

    /// The kernel resumes the threads when their tracer exits.
    public func thaw() {
        child.signalGroup(SIGKILL)
        _ = try? Wait.readable([child.pidfd.raw], timeoutMilliseconds: 5_000)
        _ = try? child.reap()
    }

    private static let script = """
        ctypes, os, sys, time = map(__import__, ("ctypes", "os", "sys", "time"))
        pid, name = sys.argv[1:]
        libc = ctypes.CDLL(None, use_errno=True)
        SEIZE, INTERRUPT = 0x4206, 0x4207
        found = 0
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                if open(f"/proc/{pid}/task/{thread}/comm").read().strip() != name: continue
            except OSError: continue  # it has ended
            found += 1
            for request in (SEIZE, INTERRUPT):
                if libc.ptrace(request, int(thread), 0, 0) != 0:
                    sys.exit("ptrace: " + os.strerror(ctypes.get_errno()))
            os.waitpid(int(thread), 0x40000000)
        if not found: sys.exit("no thread " + name)
        print("still", flush=True)
        while True: time.sleep(1000)
        """
}
