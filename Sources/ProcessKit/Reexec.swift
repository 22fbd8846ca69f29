import CLinux
import Glibc
public import Support

/// Starting this process's program anew in the same process.
public enum Reexec {
    /// Ends everything that this process does, at once and completely, and runs its program again
    /// with the same arguments. Its service manager does not notice.
    /// - Throws: `SystemError` when the program cannot be run; nothing has changed then.
    public static func run() throws(SystemError) -> Never {
        var arguments = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        // The name that shows in process lists is the file's.
        let path = Links.target("/proc/self/exe")
        let program = Files.exists(path) ? path : "/proc/self/exe"
        let code = aib_reexec(program, arguments)
        throw SystemError(errno: -code, "cannot run \(program) again")
    }
}
