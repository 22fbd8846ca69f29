import Glibc
import ProcessKit
import Support
import TestSupport

/// A program that stops by itself after each system call that makes, names or syncs a file, until
/// it is sent on. So a test can kill it at any one of them, and meets the same one each time.
final class SteppedProgram {
    private static let calls =
        "rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,fsync,fdatasync,link,linkat"

    private let program: FarmProgram
    private let tracePath: String
    private var stops = 0

    /// - Parameter arguments: of `aibuild-coordinator`.
    init(_ arguments: [String], in folder: String) throws {
        tracePath = "\(folder)/calls"
        try Files.replace(tracePath, with: [])
        program = try FarmProgram(
            "strace",
            [
                "-f", "-y", "-qq", "-s", "400", "-o", tracePath, "-e", "trace=\(Self.calls)", "-e",
                "inject=\(Self.calls):signal=SIGSTOP", try FarmProgram.path("aibuild-coordinator"),
            ] + arguments, logPath: "\(folder)/stepped.log", path: "/usr/bin/strace")
    }

    var log: String { program.log }

    private enum Place: Sendable {
        case stopped(after: String)
        case ended
    }

    /// Lets it run until it has made the next of these calls.
    /// - Returns: the call; `nil` if the program has ended instead.
    func step() async throws -> String? {
        if stops > 0 { program.signal(SIGCONT) }
        let place: Place = try await eventually("it stops or ends", everyMilliseconds: 0) {
            let lines = trace
            let signals = lines.indices.filter { lines[$0].contains("--- SIGSTOP {") }
            guard signals.count > stops, let last = signals.last else {
                return program.status == nil ? nil : .ended
            }
            // The call is complete, and its thread does nothing more.
            let thread = lines[last].prefix { $0 != " " } + " "
            guard
                lines[last...].contains(where: {
                    $0.hasPrefix(thread) && $0.contains("stopped by SIGSTOP")
                }), let call = lines.last(where: { $0.hasPrefix(thread) && !$0.contains("---") })
            else { return nil }
            stops = signals.count
            return .stopped(after: String(call))
        }
        guard case .stopped(let call) = place else { return nil }
        return call
    }

    private var trace: [Substring] {
        let bytes = (try? Files.read(tracePath, limitBytes: 1 << 20)) ?? []
        // The last line may be half written.
        return String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    }

    func kill() { program.kill() }

    func exit() async throws -> Bool { try await program.exit() == .exited(0) }
}
