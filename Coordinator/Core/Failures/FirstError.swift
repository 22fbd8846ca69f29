import BuildProtocol

/// The error that a build failed of, as its log shows it.
public struct FirstError: Sendable, Hashable {
    /// The provisioner, step or test case that it belongs to, if the log names one.
    public var step: String?
    public var line: LogLine
    /// The lines before and after it, with it.
    public var around: [LogLine]
}

/// Looks for the first error of the step that failed, which is the last one of the log, or of its
/// source: Packer builds several sources at once, and their lines alternate.
public struct FirstErrorSearch: Sendable {
    /// By the names of the sources; what no source says belongs to the one that spoke last.
    private var sources: [String: SourceErrors] = [:]
    private var current = ""
    /// The first source of which Packer says that it failed.
    private var failed: String?
    private var recent: [LogLine] = []

    /// Sources that are told apart.
    private static let mostSources = 64

    public init() {}

    /// What was found so far.
    public var found: FirstError? { sources[failed ?? current]?.found }

    public mutating func take(_ line: LogLine) {
        let said = PackerSaid(line)
        let name = said.source ?? current
        if sources[name] != nil || sources.count < Self.mostSources { current = name }
        if said.isEnd { failed = failed ?? said.source }
        for name in sources.keys { sources[name]?.extend(line) }
        if line.stream == .sys {
            if sources[current, default: SourceErrors()].notes(line.text) {
                // A new phase of the attempt.
                sources = [current: sources[current] ?? SourceErrors()]
                failed = nil
            }
        } else {
            sources[current, default: SourceErrors()].take(line, said, recent)
        }
        recent.append(line)
        if recent.count > SourceErrors.before { recent.removeFirst() }
    }
}

/// The errors of one source, or of a program that has none.
private struct SourceErrors: Sendable {
    private var step = BuildStep()
    private var isOver = false
    private var final: FirstError?
    private var possible: FirstError?

    /// Lines that are kept before and after an error.
    static let before = 2
    private static let after = 2

    /// What Packer says of an error that it has shown before.
    private static let summaries = ["* Post-processor failed: ", "Build '", "1 error(s) occurred"]

    var found: FirstError? { final ?? possible }

    /// - Returns: whether a new step begins.
    mutating func notes(_ text: String) -> Bool {
        let change = step.notes(text)
        begin(change)
        return change == .begins && !isOver
    }

    mutating func take(_ line: LogLine, _ said: PackerSaid, _ recent: [LogLine]) {
        if let message = said.message { begin(step.says(message)) }
        // Ansible prints it below an error that its playbook expects.
        if said.text == "...ignoring" { final = nil }
        if !isOver { judge(line, said, recent) }
    }

    mutating func extend(_ line: LogLine) {
        Self.extend(&final, line)
        Self.extend(&possible, line)
    }

    private mutating func begin(_ change: BuildStep.Change) {
        switch change {
        case .none: break
        case .ends: isOver = true
        case .begins:
            guard !isOver else { return }
            final = nil
            possible = nil
        }
    }

    private mutating func judge(_ line: LogLine, _ said: PackerSaid, _ recent: [LogLine]) {
        let isSummary = said.isEnd || Self.summaries.contains(where: said.text.hasPrefix)
        guard let shape = ErrorShape.of(said.text), !isSummary || found == nil else { return }
        var shown = line
        shown.text = said.text
        let error = FirstError(
            step: step.description, line: shown, around: recent.suffix(Self.before) + [line])
        switch shape.weight {
        case .final: final = final ?? error
        case .possible: possible = error
        }
    }

    private static func extend(_ error: inout FirstError?, _ line: LogLine) {
        guard let known = error, line.number - known.line.number <= after else { return }
        error?.around.append(line)
    }
}

/// A line of a log as Packer may have written it: `==> name: ` before what it says itself and
/// before a guest's errors, spaces before a guest's output, and at the end
/// `Build 'name' errored after 3 seconds: …` and `--> name: …`.
struct PackerSaid: Sendable {
    var source: String?
    /// What Packer itself says, if it does.
    var message: String?
    /// Without the prefix.
    var text: String
    /// Whether it says that the source failed.
    var isEnd = false

    init(_ line: LogLine) {
        text = line.text
        for prefix in ["==> ", "    ", "--> "] where line.text.hasPrefix(prefix) {
            let rest = line.text.dropFirst(prefix.count)
            let name = rest.prefix { $0 != ":" && $0 != " " }
            guard !name.isEmpty, rest.dropFirst(name.count).hasPrefix(": ") else { continue }
            source = String(name)
            text = String(rest.dropFirst(name.count + 2))
            if prefix == "==> ", line.stream == .out { message = text }
            isEnd = prefix == "--> " && line.stream == .err
            return
        }
        if line.text.hasPrefix("Build '"),
            let match = line.text.prefixMatch(of: /Build '([^']+)' errored/)
        {
            source = String(match.1)
            isEnd = true
        }
    }
}
