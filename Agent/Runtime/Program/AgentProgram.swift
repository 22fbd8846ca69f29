import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import ArgumentKit

/// The command line of `aibuild-agent`.
public enum AgentProgram {
    /// Runs the program and ends the process.
    public static func main(_ arguments: [String]) -> Never {
        // Before signals are ignored, which QEMU would inherit.
        let name = Files.name(of: arguments.first ?? "")
        if QEMUShim.isQEMU(name) {
            exit(QEMUShimProgram.run(name, CommandLine.unsafeArgv))
        }
        // As early: the program inside gets its words and signals as they are.
        if arguments.dropFirst().first == Sandbox.innerCommand {
            exit(InnerProgram.run(Array(arguments.dropFirst(2))))
        }
        Signals.ignore(SIGPIPE)
        CoreDumps.forbid()
        exit(run(Array(arguments.dropFirst())))
    }

    private static let program = CommandProgram(
        "aibuild-agent", "runs builds on a KVM host",
        commands: [
            PlainCommand(
                "daemon", "serve coordinators on this host", options: [config, ownGroup]),
            PlainCommand(
                "gate", "what the SSH key of a coordinator is forced to",
                operands: ["WORD..."], options: [config]),
            PlainCommand(
                "supervise", "run one attempt (started by the daemon)", operands: ["FOLDER"],
                options: [
                    CommandOption(
                        SupervisorProgram.lockOption, value: "N",
                        "descriptor of the lock that the daemon took for this process")
                ]),
            PlainCommand(
                "test", "run one test case (started by supervise)",
                operands: ["FOLDER", "N", "IMAGE"]),
            PlainCommand(
                "release-group",
                "let the service manager start the daemon again (run by the unit)"),
            PlainCommand("version", "print the versions of the program and its protocol"),
        ], version: ProgramVersion.current, section: 8,
        related: ["aibuild-agent.yml(5)", "aibuild-fetch(8)", "aibuild-coordinator(8)"])

    private static let config = CommandOption(
        "config", value: "FILE", "configuration, such as /etc/aibuild/agent.yml", isRequired: true)

    private static let ownGroup = CommandOption(
        "own-group",
        "limit the memory of builds: systemd has delegated a control group (in the unit)")

    private static func run(_ line: [String]) -> Int32 {
        do throws(UsageError) {
            switch try program.parse(line) {
            case .help(let text):
                print(text, terminator: "")
                return 0
            case .run(let command, let arguments): return try run(command.name, arguments)
            }
        } catch {
            printError(program.complaint(error))
            return UsageError.exitCode
        }
    }

    private static func run(
        _ command: String, _ arguments: Arguments
    ) throws(UsageError) -> Int32 {
        let operands = arguments.operands
        switch command {
        case "daemon":
            return configured(arguments) {
                DaemonProgram.run($0, ownsGroup: arguments.has(ownGroup.long))
            }
        case "gate":
            return configured(arguments) {
                GateProgram(configuration: $0).run(requested(operands))
            }
        case "supervise":
            let lock = try arguments.int(SupervisorProgram.lockOption, in: 3...Int(Int32.max))
            return SupervisorProgram.run(operands[0], lock: lock.map { Int32($0) })
        case "release-group":
            do { try DelegatedGroup.release() } catch { printError("aibuild-agent: \(error)") }
            return 0
        case "test": return TestProgram.run(operands[0], case: operands[1], image: operands[2])
        default:
            print("aibuild-agent \(ProgramVersion.current), protocol \(ProtocolVersion.current)")
            return 0
        }
    }

    private static func configured(
        _ arguments: Arguments, _ body: (AgentConfiguration) -> Int32
    ) -> Int32 {
        do { return body(try ConfigurationFile.load(arguments["config"] ?? "")) } catch {
            printError("aibuild-agent: \(error)")
            return EX_CONFIG
        }
    }

    /// The command of the SSH client if the key forces the gate, otherwise the arguments.
    private static func requested(_ arguments: [String]) -> [String] {
        guard let original = getenv("SSH_ORIGINAL_COMMAND") else { return arguments }
        return String(cString: original).split(separator: " ").map(String.init)
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
