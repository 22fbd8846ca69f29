import AgentCore
import Glibc
import ProcessKit
import Support

/// `aibuild-agent inside PROGRAM [ARGUMENT …]`: what bubblewrap runs. It runs the program and tells
/// the supervisor how that ended, which bubblewrap alone would blur: it reports a signal as an exit
/// status that a shell may have as well.
enum InnerProgram {
    enum Report: Sendable, Hashable {
        case ended(ExitStatus)
        case notRun(errno: Int32)

        var text: String {
            switch self {
            case .ended(.exited(let code)): "exited \(code)"
            case .ended(.killed(let signal)): "killed \(signal)"
            case .notRun(let errno): "errno \(errno)"
            }
        }

        /// `nil` for anything else: the program may have written there.
        init?(_ text: String) {
            let words = text.split(separator: " ")
            guard words.count == 2, let number = Int32(words[1]), (0...255).contains(number) else {
                return nil
            }
            switch words[0] {
            case "exited": self = .ended(.exited(number))
            case "killed": self = .ended(.killed(signal: number))
            case "errno": self = .notRun(errno: number)
            default: return nil
            }
        }

        init(_ status: ExitStatus) { self = .ended(status) }
        init(_ error: SystemError) { self = .notRun(errno: error.errno) }
    }

    /// Gives the program's variables their names back.
    private static func restoreEnvironment() throws(SystemError) {
        let environment = try Files.read(
            "/proc/self/environ", limitBytes: AgentLimits.environmentBytes)
        for entry in environment.split(separator: 0) {
            let parts = entry.split(
                separator: UInt8(ascii: "="), maxSplits: 1,
                omittingEmptySubsequences: false
            )
            .map { String(decoding: $0, as: UTF8.self) }
            guard parts.count == 2, let name = InnerEnvironment.unwrapped(parts[0]) else {
                continue
            }
            setenv(name, parts[1], 1)
            unsetenv(parts[0])
        }
    }

    static func run(_ arguments: [String]) -> Int32 {
        // Not for the program.
        for number in [Sandbox.Descriptors.info, Sandbox.Descriptors.block] { close(number) }
        _ = fcntl(Sandbox.Descriptors.status, F_SETFD, FD_CLOEXEC)
        umask(BuildEnvironment.umask)
        let report: Report
        do throws(SystemError) {
            try restoreEnvironment()
            report = Report(try AccompaniedProgram.run(arguments))
        } catch {
            report = Report(error)
        }
        // Its end would end the keepers of the program's QEMUs, which still have to record how
        // those exited.
        if let folder = getenv(QEMUShim.folderVariable) {
            GuestFolder(path: String(cString: folder)).waitForExitRecords()
        }
        let text = Array(report.text.utf8)
        _ = text.withUnsafeBytes { write(Sandbox.Descriptors.status, $0.baseAddress, $0.count) }
        switch report {
        case .ended(.exited(let code)): return code
        case .ended(.killed(let signal)): return 128 + signal
        case .notRun: return 127
        }
    }
}
