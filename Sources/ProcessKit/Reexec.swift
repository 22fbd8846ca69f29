import CLinux
import Glibc
public import Support

/// Re-executes this process's program in the same process.
public enum Reexec {
    /// Stops everything that this process does, at once, and runs its program again with the same
    /// arguments. The service manager does not notice.
    /// - Throws: `SystemError` if the program cannot be run; then nothing has changed.
    public static func run() throws(SystemError) -> Never {
        var arguments = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        // Process lists show the name of the file.
        let path = Links.target("/proc/self/exe")
        let program = Files.exists(path) ? path : "/proc/self/exe"
        let code = aib_reexec(program, arguments)
        throw SystemError(errno: -code, "cannot run \(program) again")
    }
}
