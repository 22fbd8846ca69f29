import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// The command line of `aibuild-agent`.
public enum AgentProgram {
    /// Runs the program and ends the process.
    public static func main(_ arguments: [String]) -> Never {
        // Before signals are ignored, which QEMU would inherit.
        let name = Files.name(of: arguments.first ?? "")
        if QEMUShim.isQEMU(name) {
            exit(QEMUShimProgram.run(name, CommandLine.unsafeArgv))
        }
        Signals.ignore(SIGPIPE)
        exit(run(Array(arguments.dropFirst())))
    }

    static let usage = """
        usage: aibuild-agent daemon --config FILE     serve coordinators on this host
               aibuild-agent gate --config FILE       the forced command of a coordinator's SSH key
               aibuild-agent supervise FOLDER         run one attempt (started by the daemon)
               aibuild-agent test FOLDER N IMAGE      run one test case (started by supervise)
               aibuild-agent version
        """

    private static func run(_ arguments: [String]) -> Int32 {
        switch arguments.first {
        case "version" where arguments.count == 1:
            print("aibuild-agent \(AgentVersion.current), protocol \(ProtocolVersion.current)")
            return 0
        case "supervise": return SupervisorProgram.run(Array(arguments.dropFirst()))
        case "test": return TestProgram.run(Array(arguments.dropFirst()))
        case "daemon":
            return configured(arguments) { configuration, arguments in
                arguments.isEmpty ? DaemonProgram.run(configuration) : printUsage()
            }
        case "gate":
            return configured(arguments) { configuration, arguments in
                GateProgram(configuration: configuration).run(requested(arguments))
            }
        default: return printUsage()
        }
    }

    /// Reads `--config FILE` after the command, then the remaining arguments.
    private static func configured(
        _ arguments: [String], _ body: (AgentConfiguration, [String]) -> Int32
    ) -> Int32 {
        guard arguments.count >= 3, arguments[1] == "--config" else { return printUsage() }
        do {
            return body(try ConfigurationFile.load(arguments[2]), Array(arguments.dropFirst(3)))
        } catch {
            printError("aibuild-agent: \(error)")
            return EX_CONFIG
        }
    }

    /// The command of the SSH client if the key forces the gate, otherwise the arguments.
    private static func requested(_ arguments: [String]) -> [String] {
        guard let original = getenv("SSH_ORIGINAL_COMMAND") else { return arguments }
        return String(cString: original).split(separator: " ").map(String.init)
    }

    private static func printUsage() -> Int32 {
        printError(usage)
        return EX_USAGE
    }

    static func printError(_ text: String) {
        var text = text + "\n"
        text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    }
}

/// Exit statuses of sysexits.h, which Swift does not see.
let EX_USAGE: Int32 = 64
let EX_UNAVAILABLE: Int32 = 69
let EX_SOFTWARE: Int32 = 70
let EX_IOERR: Int32 = 74
let EX_CONFIG: Int32 = 78
