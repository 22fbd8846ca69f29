import Glibc
public import ProcessKit
import Support
import Synchronization

/// A program of the product, run as a child of the test; its output goes to a file.
public final class FarmProgram: Sendable {
    public let pid: Int32
    public let logPath: String
    private let child: ChildProcess
    private let ended = Mutex<ExitStatus?>(nil)

    /// - Parameters:
    /// - name: of a program beside the test's own: `aibuild-agent`.
    ///   - path: of another copy of it.
    public init(
        _ name: String, _ arguments: [String], logPath: String, path: String? = nil,
        environment: [String: String] = [:], clock: FarmClock? = nil
    ) throws {
        self.logPath = logPath
        let log = try Descriptor(logPath, O_WRONLY | O_CREAT | O_APPEND)
        child = try ChildProcess(
            Command(
                (clock?.wrapper ?? []) + [try path ?? Self.path(name)] + arguments,
                environment: Command.minimalEnvironment.merging(environment) { $1 }
                    .merging(clock?.environment ?? [:]) { $1 }),
            streams: .init(output: log.raw, error: log.raw))
        pid = child.pid
    }

    deinit {
        kill()
        FarmClock.sweep(pid)
    }

    /// Beside the test bundle: `.build/debug/…`.
    public static func path(_ name: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { throw SystemError.last("cannot read /proc/self/exe") }
        let own = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let path = Files.folder(of: own) + "/" + name
        guard Files.exists(path) else { throw Failure("\(path) is not built") }
        return path
    }

    public var log: String {
        let bytes = (try? Files.read(logPath, limitBytes: 64 << 20)) ?? []
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Its exit status; `nil` while it runs.
    public var status: ExitStatus? {
        ended.withLock { ended in
            if ended == nil { ended = (try? child.reap()) ?? nil }
            return ended
        }
    }

    public func signal(_ signal: Int32) {
        if status == nil { child.signalGroup(signal) }
    }

    /// Kills it as a crash would; returns when it has exited.
    public func kill() {
        guard status == nil else { return }
        child.signalGroup(SIGKILL)
        _ = try? Wait.readable([child.pidfd.raw], timeoutMilliseconds: 10_000)
        _ = status
    }

    /// Waits until it exits.
    public func exit(seconds: Int64 = 90) async throws -> ExitStatus {
        try await eventually("\(Files.name(of: logPath)) ends: \(log)", seconds: seconds) { status }
    }
}
