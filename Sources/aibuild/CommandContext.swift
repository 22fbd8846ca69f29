import ArgumentKit
import TextKit

/// Everything a command works with.
struct CommandContext: Sendable {
    let console: Console
    let style: Style
    let api: APIClient
    /// Of the environment.
    let variables: [String: String]
    let arguments: Arguments
    let command: Command

    /// Whether the answer is to be printed as it came, for programs.
    var wantsJSON: Bool { arguments.has("json") }

    /// The first operand, safe for a terminal.
    var name: String { SafeText.line(arguments.operands[0]) }

    func printJSON(_ body: [UInt8]) {
        console.out(String(decoding: body, as: UTF8.self))
        if body.last != UInt8(ascii: "\n") { console.out("\n") }
    }

    /// Reports to a person what was done; programs look at the exit code.
    func say(_ what: String) {
        if !wantsJSON { console.out(what + "\n") }
    }

    /// A command that changes what its options name is wrong without any of them.
    func requireOption(of options: [CommandOption]) throws(CommandError) {
        guard options.contains(where: { arguments.has($0.long) }) else {
            throw CommandError(.usage, "Nothing to change: no option was given")
        }
    }

    /// The end of most commands: the answer as it came, or as `print` shows it to a person.
    func show<Answer: Decodable>(
        _ body: [UInt8], as type: Answer.Type, _ print: (Answer) throws -> Void
    ) throws -> ExitCode {
        if wantsJSON { printJSON(body) } else { try print(try APIClient.decode(type, body)) }
        return .ok
    }

    /// The end of a command whose answer says nothing new: the answer as it came, or `what`.
    func show(_ body: [UInt8], _ what: String) -> ExitCode {
        if wantsJSON { printJSON(body) } else { say(what) }
        return .ok
    }

    /// Posts a request that has no body, and reports what was done.
    func post<Answer: Decodable>(
        _ path: String, as type: Answer.Type, _ report: (Answer) -> String
    ) async throws -> ExitCode {
        try show(try await api.send("POST", path), as: type) { answer in
            console.out(SafeText.line(report(answer)) + "\n")
        }
    }

    func print(_ table: Table, orElse nothing: String) {
        console.out(
            table.isEmpty
                ? nothing + "\n"
                : table.text(style, width: console.outIsTerminal ? console.width() : nil))
    }

    /// `name   value` lines; those without a value are left out.
    func print(_ fields: [(String, String?)]) {
        let shown = fields.filter { $0.1?.isEmpty == false }
        let width = shown.map(\.0.count).max() ?? 0
        for (name, value) in shown {
            console.out(
                style.paint(name.padded(width + 2), .faint) + SafeText.line(value ?? "") + "\n")
        }
    }

    /// A part of a report, set off by an empty line; nothing if the table is empty.
    func printSection(_ table: Table) {
        guard !table.isEmpty else { return }
        console.out("\n")
        print(table, orElse: "")
    }

    // MARK: Pages

    /// `--limit` and `--after` for the API.
    var pageQuery: [(String, String)] {
        ["limit", "after"].compactMap { name in arguments[name].map { (name, $0) } }
    }

    static let pageOptions = [
        CommandOption("limit", value: "N", "maximum number of rows"),
        CommandOption("after", value: "ID", "start after this one"),
    ]

    func printMore(_ next: String?) {
        guard let next else { return }
        console.err("More results: aibuild \(command.name) --after \(SafeText.line(next))\n")
    }
}

extension Arguments {
    /// - Throws: a wrong use, if the option is given with a word that it does not take.
    func check(_ option: String, isOneOf known: [String]) throws(CommandError) {
        guard let word = self[option], !known.contains(word) else { return }
        let hint = Suggestion.hint(for: word, in: known) ?? ""
        throw CommandError(.usage, "Unknown --\(option): \(word). Use \(known.orList)\(hint)")
    }
}
