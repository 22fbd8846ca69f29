import ArgumentKit
import Testing

@Suite struct ParserTests {
    /// A daemon, which runs without a command.
    private let daemon = CommandProgram(
        "daemon", "serves",
        commands: [
            PlainCommand(
                "", "serve", options: [CommandOption("port", short: "p", value: "N", "the port")]),
            PlainCommand("db show", "show the database", options: [CommandOption("all", "more")]),
            PlainCommand("send", "send words", operands: ["TO", "WORD..."]),
            PlainCommand("version", "print the version"),
        ], commonOptions: [CommandOption("config", value: "FILE", "the configuration")])
    /// A program that does one thing.
    private let tool = CommandProgram(
        "tool", "reads a file", commands: [PlainCommand("", "read", operands: ["FILE"])])

    private func run(_ line: String) throws -> (command: String, arguments: Arguments) {
        let words = line.split(separator: " ").map(String.init)
        guard case .run(let command, let arguments) = try daemon.parse(words) else {
            throw UsageError("help")
        }
        return (command.name, arguments)
    }

    @Test(
        "An option is read in every form, before and after the command",
        arguments: ["--port 9753", "--port=9753", "-p 9753", "-p9753", "--config=f --port 9753"])
    func forms(line: String) throws {
        let (command, arguments) = try run(line)
        #expect(command == "" && arguments["port"] == "9753")
        #expect(try arguments.int("port", in: 0...65535) == 9753)
    }

    @Test("The value of an option is not mistaken for the command")
    func values() throws {
        for line in ["--config send db show --all", "db --config=send show --all"] {
            let (command, arguments) = try run(line)
            #expect(command == "db show" && arguments["config"] == "send")
            #expect(arguments.has("all"))
        }
    }

    @Test("The last operand may stand for any number, options excepted")
    func openOperands() throws {
        #expect(try run("send a").arguments.operands == ["a"])
        #expect(try run("send a b -- --c").arguments.operands == ["a", "b", "--c"])
        guard case .run(_, let arguments) = try tool.parse(["version"]) else {
            Issue.record("an operand was taken for a command")
            return
        }
        #expect(arguments.operands == ["version"])
    }

    @Test("--version alone is the command version, if there is one")
    func version() throws {
        #expect(try run("--version").command == "version")
        #expect(throws: UsageError.self) { try tool.parse(["--version"]) }
    }

    @Test(
        "A wrong line names what is wrong, and the nearest thing that is right",
        arguments: [
            ("--prot 1", "unknown option '--prot'; did you mean '--port'?"),
            ("-q", "unknown option '-q'"),
            ("vresion", "unknown command 'vresion'; did you mean 'version'?"),
            ("db", "'db' needs one of: show"),
            ("db shwo", "unknown command 'db shwo'; did you mean 'db show'?"),
            ("db show --all=1", "--all takes no value"),
            ("--port", "--port needs a value: --port N"),
            ("--port 1 --port 2", "--port is given twice"), ("send", "missing argument: TO"),
            ("version 1", "unexpected argument: '1'"),
        ])
    func mistakes(line: String, message: String) throws {
        let error = #expect(throws: UsageError.self) { try run(line) }
        #expect(error?.message == message)
    }

    @Test(
        "A number outside its range, or none, is refused by the option's name",
        arguments: ["x", "65536", "-1", "1.0"])
    func numbers(text: String) throws {
        let arguments = try run("--port=\(text)").arguments
        let error = #expect(throws: UsageError.self) { try arguments.int("port", in: 0...65535) }
        #expect(error?.message == "--port: expected a number from 0 to 65535, found '\(text)'")
        #expect(try arguments.int("config", in: 0...1) == nil)
    }

    @Test("The help lists every command and option, and the complaint names its page")
    func help() throws {
        for line in ["--help", "-h", "help", "--port 1 --help"] {
            guard
                case .help(let text) = try daemon.parse(line.split(separator: " ").map(String.init))
            else {
                Issue.record("no help for \(line)")
                continue
            }
            #expect(
                text == """
                    daemon: serves

                    usage: daemon [OPTIONS]
                           daemon COMMAND [OPTIONS]

                      db show  show the database
                      send     send words
                      version  print the version

                    options
                      -p, --port N       the port
                          --config FILE  the configuration
                      -h, --help         explain the command

                    daemon COMMAND --help explains a command

                    """)
        }
        let error = #expect(throws: UsageError.self) { try run("send") }
        #expect(
            try daemon.complaint(#require(error))
                == "daemon: missing argument: TO\nsee: daemon send --help")
    }
}
