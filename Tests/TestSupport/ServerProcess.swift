import Glibc
import ProcessKit
import Support

/// A server for tests with its own folder. A shell supervises it and reads a pipe that this process
/// holds open: the shell removes server and folder when this value is released or this process
/// ends, however it ends.
public final class ServerProcess: Sendable {
    /// Files of the server; its output is in `log`.
    public let folder: String
    private let lifeline: Descriptor
    private let keeper: ChildProcess

    private static let script = """
        exec 3<&0 </dev/null
        dir=$1 cleanup=$2; shift 2
        "$@" >>"$dir/log" 2>&1 3<&- & pid=$!
        echo $pid >"$dir/server.pid"
        read -r _ <&3
        kill $pid 2>/dev/null; kill -CONT $pid 2>/dev/null; wait $pid
        eval "$cleanup"
        rm -rf "$dir"
        """

    /// - Parameters:
    ///   - folder: exists, and is removed at the end.
    /// - cleanup: shell commands to run before that; `$dir` is the folder.
    public init(folder: String, _ words: [String], cleanup: String = ":") throws {
        self.folder = folder
        // A named pipe: one of pipe() would leak into children that start at the same time.
        let fifo = "\(folder)/lifeline"
        guard mkfifo(fifo, 0o600) == 0 else { throw SystemError.last("cannot make \(fifo)") }
        let reader = try Descriptor(fifo, O_RDONLY | O_NONBLOCK)
        lifeline = try Descriptor(fifo, O_WRONLY)
        guard fcntl(reader.raw, F_SETFL, 0) == 0 else { throw SystemError.last("fcntl") }
        keeper = try ChildProcess(
            Command(
                ["/bin/sh", "-c", Self.script, "keeper", folder, cleanup] + words,
                environment: Command.minimalEnvironment, isNewSession: true),
            streams: .init(input: reader.raw))
    }

    /// Waits until the server has exited and whatever it mounted is unmounted.
    deinit {
        _ = try? lifeline.writeAll(Array("end\n".utf8))
        _ = try? Wait.readable([keeper.pidfd.raw], timeoutMilliseconds: 30_000)
        _ = try? keeper.reap()
    }

    public var log: String {
        let bytes = (try? Files.read(folder + "/log", limitBytes: 16 << 20)) ?? []
        return String(decoding: bytes, as: UTF8.self)
    }

    public func pid() throws -> Int32 {
        let text = String(
            decoding: try Files.read(folder + "/server.pid", limitBytes: 64), as: UTF8.self)
        guard let pid = Int32(text.filter(\.isNumber)) else { throw Failure("no pid: \(log)") }
        return pid
    }

    /// Suspends the server, as if it hung.
    public func freeze() throws { kill(try pid(), SIGSTOP) }
    public func thaw() throws { kill(try pid(), SIGCONT) }
}
