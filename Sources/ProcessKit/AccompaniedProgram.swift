import CLinux
import Glibc
public import Support

/// A program that this process runs for another one, to tell it how the program ended: whoever
/// stands between them reports a signal as an exit status.
public enum AccompaniedProgram {
    /// Runs a program of `PATH` to its end, in this process's group. It inherits environment, work
    /// folder and standard descriptors, and is killed when this process is. Only for a process with
    /// a single thread and nothing else to do: its signals stay blocked.
    ///
    /// - Throws: `SystemError` if it cannot be started.
    public static func run(_ arguments: [String]) throws(SystemError) -> ExitStatus {
        let program = arguments.first ?? ""
        let searchPath = getenv("PATH").map { String(cString: $0) } ?? ""
        guard let path = Command.find(program, path: searchPath) else {
            throw SystemError(errno: ENOENT, "cannot run \(program)")
        }
        var code: Int32 = 0
        var signal: Int32 = 0
        let result = CStrings.withVector(arguments) { aib_run_child(path, $0, &code, &signal) }
        try checked(result, "cannot run \(program)")
        return signal == 0 ? .exited(code) : .killed(signal: signal)
    }
}
