import CLinux
import Glibc
public import Support

/// A process that acts as a proxy for a program: it runs the program as its child, passes signals
/// on, and exits as the child did. Only a parent learns how a process ended, and a proxy may be
/// killed by its own caller at the moment when its program dies: a second process, the keeper, is
/// therefore the parent, which outlives the proxy.
public enum ProxyProcess {
    /// Runs `program` to its end. It inherits environment, descriptors, process group and signal
    /// handling of this process, and is killed when this process is. Only for a process with a
    /// single thread and nothing else to do: its signals stay blocked.
    ///
    /// - Parameter arguments: terminated by `nil`.
    /// - Returns: in the keeper, how it ended, and whether the signal that killed it was passed on
    ///   to it, or came because this process had died. This process itself exits as the keeper
    ///   does.
    /// - Throws: `SystemError` if it cannot be started.
    public static func run(
        _ program: String, _ arguments: [UnsafeMutablePointer<CChar>?]
    ) throws(SystemError) -> (status: ExitStatus, wasPassedOn: Bool) {
        var code: Int32 = 0
        var signal: Int32 = 0
        var passedOn: UInt64 = 0
        try checked(
            aib_run_proxied(program, arguments, &code, &signal, &passedOn), "cannot run \(program)")
        guard signal > 0 else { return (.exited(code), false) }
        return (.killed(signal: signal), passedOn & (1 << UInt64(signal - 1)) != 0)
    }

    /// Exits the keeper with the same status or signal, and so the process that its caller knows.
    public static func exit(as status: ExitStatus) -> Never {
        switch status {
        case .exited(let code): Glibc.exit(code)
        case .killed(let signal):
            aib_die_by(signal)
            Glibc.exit(128 + signal)
        }
    }

    /// Clears the arguments of this process and sets its name, so that a search for the other
    /// program by name finds only that one.
    ///
    /// - Parameter arguments: `argv` as the process got it.
    public static func hideCommandLine(
        as name: String, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    ) {
        var at = 0
        while let argument = arguments[at] {
            let length = strlen(argument)
            memset(argument, 0, length)
            if at == 0 { memcpy(argument, name, min(length, name.utf8.count)) }
            at += 1
        }
        aib_name_thread(name)
    }
}
