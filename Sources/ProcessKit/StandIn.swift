import CLinux
import Glibc
public import Support

/// A process that stands for another one: it runs a program as its child, passes signals on, ends
/// as that ends, and so knows how, which only a parent does.
public enum StandIn {
    /// Runs `program` to its end. It gets what this process has: environment, descriptors, group,
    /// signals; and is killed when this process is. For a process with a single thread, which has
    /// nothing left to do: its signals stay blocked.
    ///
    /// - Parameter arguments: ended by `nil`.
    /// - Returns: how it ended, and the last signal that was passed on to it.
    /// - Throws: `SystemError` when it cannot be started.
    public static func run(
        _ program: String, _ arguments: [UnsafeMutablePointer<CChar>?]
    ) throws(SystemError) -> (status: ExitStatus, passedOn: Int32) {
        var code: Int32 = 0
        var signal: Int32 = 0
        var passedOn: Int32 = 0
        try checked(
            aib_stand_for(program, arguments, &code, &signal, &passedOn), "cannot run \(program)")
        return (signal == 0 ? .exited(code) : .killed(signal: signal), passedOn)
    }

    /// Ends this process as the other one ended.
    public static func end(as status: ExitStatus) -> Never {
        switch status {
        case .exited(let code): exit(code)
        case .killed(let signal):
            aib_die_by(signal)
            exit(128 + signal)
        }
    }

    /// Takes the words of this process's command line away, and its name, so that whoever looks
    /// for the other program finds only that.
    ///
    /// - Parameter words: the command line as the process got it.
    public static func hide(
        as name: String, _ words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    ) {
        var at = 0
        while let word = words[at] {
            let length = strlen(word)
            memset(word, 0, length)
            if at == 0 { memcpy(word, name, min(length, name.utf8.count)) }
            at += 1
        }
        aib_name_thread(name)
    }
}
