import BuildProtocol

/// The error that a build failed of, as its log shows it.
public struct FirstError: Sendable, Hashable {
    /// The provisioner, step or test case that it belongs to, if the log names one.
    public var step: String?
    public var line: LogLine
    /// The lines before and after it, with it.
    public var around: [LogLine]
}

/// Looks for the first error of the step that failed, which is the last one of the log.
public struct FirstErrorSearch: Sendable {
    private var step = BuildStep()
    private var isOver = false
    private var recent: [LogLine] = []
    private var final: FirstError?
    private var possible: FirstError?

    /// Lines that are kept before and after an error.
    private static let before = 2
    private static let after = 2

    public init() {}

    /// What was found so far.
    public var found: FirstError? { final ?? possible }

    public mutating func take(_ line: LogLine) {
        let (message, text) = Self.parts(line)
        if line.stream == .sys {
            begin(step.notes(line.text))
        } else if let message {
            begin(step.says(message))
        }
        Self.extend(&final, line)
        Self.extend(&possible, line)
        // Ansible prints it below an error that its playbook expects.
        if text == "...ignoring" { final = nil }
        if !isOver, line.stream != .sys { judge(line, text) }
        recent.append(line)
        if recent.count > Self.before { recent.removeFirst() }
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

    private mutating func judge(_ line: LogLine, _ text: String) {
        guard let shape = ErrorShape.of(text) else { return }
        var shown = line
        shown.text = text
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

    /// Packer puts `==> name: ` before what it says itself and before a guest's errors, and spaces
    /// before a guest's output.
    ///
    /// - Returns: what Packer says, if it does, and the text without its prefix.
    private static func parts(_ line: LogLine) -> (message: String?, text: String) {
        for prefix in ["==> ", "    "] where line.text.hasPrefix(prefix) {
            let rest = line.text.dropFirst(prefix.count)
            let name = rest.prefix { $0 != ":" && $0 != " " }
            guard !name.isEmpty, rest.dropFirst(name.count).hasPrefix(": ") else { continue }
            let text = String(rest.dropFirst(name.count + 2))
            return (prefix == "==> " && line.stream == .out ? text : nil, text)
        }
        return (nil, line.text)
    }
}
