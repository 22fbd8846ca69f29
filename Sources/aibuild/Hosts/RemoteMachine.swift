import FoundationEssentials
import ProcessKit
import Support
import Synchronization

/// A machine that the person who runs this program reaches by `ssh`, with their own settings: keys,
/// agent, jump hosts and known hosts.
///
/// All programs share one connection, so that passwords are asked once.
struct RemoteMachine {
    let address: RemoteAddress
    private let folder: String
    private let settings: [String]
    private let environment: [String: String]
    private let say: @Sendable (String) -> Void

    /// How a script becomes root there.
    enum Privilege: Sendable {
        case root
        case sudo
        case password(String)
    }

    /// apt may download hundreds of megabytes.
    private static let scriptSeconds = 3600
    private static let connectSeconds = 300
    /// Of a connection that is open.
    private static let answerSeconds = 30

    /// Connects. ssh asks on the terminal what it wants to know.
    /// - Parameters:
    ///   - settings: a file in place of ~/.ssh/config.
    ///   - say: takes what ssh writes.
    static func connect(
        to address: RemoteAddress, settings: String?, say: @escaping @Sendable (String) -> Void
    ) async throws -> RemoteMachine {
        let machine = RemoteMachine(
            address: address, folder: try Files.makeTemporaryFolder("aibuild-ssh"),
            settings: settings.map { ["-F", $0] } ?? [],
            environment: ProcessInfo.processInfo.environment, say: say)
        do {
            let status = try await machine.ssh(
                [
                    "-fNM", "-o", "ControlPersist=600", "-o", "ConnectTimeout=30",
                    "-o", "ServerAliveInterval=15",
                ], nil, isInteractive: true, timeoutSeconds: connectSeconds
            ) { _ in }
            guard status.isSuccess else {
                throw CommandError(
                    .refused,
                    "ssh cannot connect to \(address): see its message above. Nothing was changed. "
                        + "When `ssh \(address.command)` works, run this again")
            }
        } catch {
            await machine.close()
            throw error
        }
        return machine
    }

    func close() async {
        _ = try? await ssh(
            ["-O", "exit"], nil, timeoutSeconds: 10, quiet: true
        ) { _ in }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Whether the connection is still there. Asked now and then, it stays open: without any use,
    /// ssh ends it after `ControlPersist`.
    func isConnected() async -> Bool {
        func succeeds(_ options: [String], _ command: String?) async -> Bool {
            let status = try? await ssh(
                options, command, timeoutSeconds: Self.answerSeconds, quiet: true
            ) { _ in }
            return status?.isSuccess == true
        }
        // Without the first, ssh would make a new connection for the second.
        guard await succeeds(["-O", "check"], nil) else { return false }
        return await succeeds([], "true")
    }

    // MARK: Programs

    /// What a script printed, line by line.
    /// - Parameter name: where a failure happened, for people.
    func run(
        _ script: String, as privilege: Privilege?,
        line: @escaping @Sendable (String) -> Void
    ) async throws -> ExitStatus {
        var input = Array(script.utf8)
        let command: String
        switch privilege {
        case nil, .root: command = "sh -s"
        case .sudo: command = "sudo -n sh -s"
        case .password(let password):
            command = "sudo -k -S -p '' sh -s"
            input = Array((password + "\n").utf8) + input
        }
        return try await ssh(
            [], command, input: input, timeoutSeconds: Self.scriptSeconds, line: line)
    }

    /// - Parameter ask: asks for a password; `nil` if nobody is there.
    func privilege(_ ask: (String) -> String?) async throws -> Privilege {
        let found = Mutex("")
        _ = try await run(
            """
            if [ "$(id -u)" -eq 0 ]; then echo root
            elif ! command -v sudo >/dev/null 2>&1; then echo none
            elif sudo -n true 2>/dev/null; then echo sudo
            else echo password; fi

            """, as: nil
        ) { line in found.withLock { $0 = line } }
        switch found.withLock(\.self) {
        case "root": return .root
        case "sudo": return .sudo
        case "password":
            if let password = ask("Password of \(address.person) for sudo on \(address.host): ") {
                try await verify(password)
                return .password(password)
            }
            throw CommandError(
                .refused,
                "sudo asks for the password of \(address.person) on \(address.host), and nobody is "
                    + "there to give it: stdin is not a terminal. Nothing was changed. Run this on "
                    + "a terminal, or as root, or let it use sudo without a password")
        default:
            throw CommandError(
                .refused,
                "\(address.person) is not root on \(address.host), and there is no sudo. Nothing "
                    + "was changed. Use another user, or print what to run there as root with "
                    + "--print")
        }
    }

    /// sudo asks again after a wrong password, and would take the next lines of its input, the
    /// script, for more of them. Here its input ends after the first one.
    private func verify(_ password: String) async throws {
        let status = try await ssh(
            [], "sudo -k -S -p '' true", input: Array((password + "\n").utf8),
            timeoutSeconds: Self.connectSeconds
        ) { _ in }
        guard status.isSuccess else {
            throw CommandError(
                .refused,
                "sudo on \(address.host) did not accept the password of \(address.person): see its "
                    + "message above. Nothing was changed there. Run this again")
        }
    }

    /// Copies a file into a new folder there.
    /// - Parameter name: letters, digits and what versions have.
    /// - Returns: the folder.
    func upload(_ bytes: [UInt8], name: String) async throws -> String {
        let folder = Mutex("")
        let status = try await ssh(
            [],
            "sh -c 'umask 077 && d=$(mktemp -d /tmp/aibuild-host.XXXXXX) && cat >\"$d/\(name)\" "
                + "&& echo \"$d\"'", input: bytes, timeoutSeconds: Self.scriptSeconds
        ) { line in folder.withLock { $0 = line } }
        let path = folder.withLock(\.self)
        let isPlain = path.utf8.allSatisfy { "/.-".utf8.contains($0) || $0.isWord }
        guard status.isSuccess, path.hasPrefix("/tmp/aibuild-host."), isPlain else {
            throw CommandError(
                .refused,
                "Cannot copy \(name) to \(address.host): \(status). Check that its /tmp has room")
        }
        return path
    }

    func remove(upload folder: String) async {
        _ = try? await ssh([], "rm -rf \(folder)", timeoutSeconds: 30) { _ in }
    }

    private func ssh(
        _ options: [String], _ command: String?, input: [UInt8] = [], isInteractive: Bool = false,
        timeoutSeconds: Int, quiet: Bool = false, line: @escaping @Sendable (String) -> Void
    ) async throws -> ExitStatus {
        var arguments = ["ssh"] + settings
        arguments += ["-T", "-o", "ControlPath=\(folder)/connection"] + options
        if let port = address.port { arguments += ["-p", String(port)] }
        if let user = address.user { arguments += ["-l", user] }
        arguments += ["--", address.host]
        if let command { arguments.append(command) }
        let program = LiveProgram(
            arguments: arguments, environment: environment, input: input,
            isInteractive: isInteractive, timeoutSeconds: timeoutSeconds)
        do {
            return try await program.run(out: line) { [say] text in if !quiet { say(text) } }
        } catch { throw CommandError(.refused, "Cannot run ssh for \(address): \(error)") }
    }
}

/// `user@host` or `user@host:port`, an IPv6 address in brackets.
struct RemoteAddress: CustomStringConvertible {
    /// `nil`: the one that ssh takes by its settings.
    var user: String?
    var host: String
    var port: UInt16?

    init(_ text: String) throws(CommandError) {
        func invalid() -> CommandError {
            CommandError(
                .usage, "'\(SafeText.line(text))' is no address: write USER@HOST or USER@HOST:PORT")
        }
        guard text.utf8.count <= 320, let at = text.lastIndex(of: "@") else { throw invalid() }
        let user = String(text[..<at])
        self.user = user
        let rest = text[text.index(after: at)...]
        let tail: Substring
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            tail = rest[rest.index(after: end)...]
        } else {
            host = String(rest.prefix { $0 != ":" })
            tail = rest.dropFirst(host.count)
        }
        if !tail.isEmpty {
            guard tail.hasPrefix(":"), let number = UInt16(tail.dropFirst()), number > 0 else {
                throw invalid()
            }
            port = number
        }
        // ssh and a shell get both.
        for part in [user, host] {
            let isPlain = part.utf8.allSatisfy { $0.isWord || "._-:%".utf8.contains($0) }
            guard isPlain, !part.isEmpty, !part.hasPrefix("-") else { throw invalid() }
        }
    }

    /// The same machine, as another user.
    func login(as user: String?) throws(CommandError) -> RemoteAddress {
        var address = self
        address.user = user
        // ssh gets it as an argument.
        return user == nil ? address : try RemoteAddress(address.description)
    }

    /// The user, in a sentence.
    var person: String { user ?? "your user" }

    /// Of the agent on the same machine.
    var agent: String {
        var agent = self
        agent.user = "_aibuild-agent"
        return agent.description
    }

    var description: String {
        at + (host.contains(":") ? "[\(host)]" : host) + (port.map { ":\($0)" } ?? "")
    }

    /// For a person who tries it.
    var command: String { (port.map { "-p \($0) " } ?? "") + at + host }

    private var at: String { user.map { $0 + "@" } ?? "" }
}

extension UInt8 {
    fileprivate var isWord: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
