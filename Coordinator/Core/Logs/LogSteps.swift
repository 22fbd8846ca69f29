public import BuildProtocol

/// A part of a build, as its log shows it: a step of Packer, a test case, a phase of the agent.
public struct LogStep: Sendable, Hashable {
    public enum Result: String, Sendable {
        case running, passed, failed
        /// Its attempt ended without a word: the host was lost.
        case interrupted
    }

    public var name: String
    /// The source in the template, if Packer names it.
    public var source: String?
    public var firstLine: Int
    /// The last one so far, while it runs.
    public var lastLine: Int
    public var startedMilliseconds: Int64
    public var endedMilliseconds: Int64?
    public var result: Result = .running
}

/// Divides the log of an attempt into steps, which follow each other without a gap.
public struct LogSteps: Sendable {
    public private(set) var steps: [LogStep] = []
    private var step = BuildStep()
    private var isOver = false

    /// A log with more of them has its last lines in the last one.
    private static let most = 2000
    private static let nameBytes = 200

    public init() {}

    /// Whether a line may begin or end a step: only such lines need to be passed.
    public static func mayMatter(_ stream: LogRecord.Stream, text: UnsafeRawBufferPointer) -> Bool {
        switch stream {
        case .sys: true
        case .err: false
        case .out: startsWithArrow(text)
        }
    }

    private static let arrow = Array("==> ".utf8)
    private static let colour = Array("\\u001b[".utf8)

    /// `==> `, which a program that Packer is run by may have coloured.
    private static func startsWithArrow(_ text: UnsafeRawBufferPointer) -> Bool {
        // Nearly all lines begin with neither.
        guard let first = text.first, first == arrow[0] || first == colour[0] else { return false }
        let isColoured = text.starts(with: colour)
        for start in 0..<(isColoured ? min(24, text.count) : 1)
        where text.dropFirst(start).starts(with: arrow) {
            return true
        }
        return false
    }

    public mutating func take(_ line: LogLine, atMilliseconds now: Int64) {
        if steps.isEmpty || isOver { begin("start", line, now) }
        isOver = false
        if line.stream == .sys {
            note(line, now)
        } else {
            let said = PackerSaid(line)
            guard let message = said.message else { return }
            switch step.says(message) {
            case .none: break
            case .begins: begin(message, line, now, said.source)
            case .ends:
                if steps[steps.count - 1].result == .running { end(.failed, now) }
                begin(message, line, now, said.source)
            }
        }
    }

    /// The last line of the log so far.
    public mutating func extend(to line: Int) {
        if !steps.isEmpty { steps[steps.count - 1].lastLine = line }
    }

    private mutating func note(_ line: LogLine, _ now: Int64) {
        let text = line.text
        if text == "passed" || text.hasPrefix("failed: ") {
            end(text == "passed" ? .passed : .failed, now)
            isOver = true
        } else if text.hasPrefix("test "), text.hasSuffix(" s)"),
            let name = steps.last?.name, text.hasPrefix(name + " ")
        {
            let isFailed = text.dropFirst(name.count).hasPrefix(" failed")
            end(isFailed ? .failed : .passed, now)
        } else if step.notes(text) == .begins {
            begin(text, line, now)
        }
    }

    private mutating func begin(
        _ name: String, _ line: LogLine, _ now: Int64, _ source: String? = nil
    ) {
        guard steps.count < Self.most else { return }
        if let last = steps.last {
            if last.firstLine == line.number {
                steps.removeLast()
            } else {
                steps[steps.count - 1].lastLine = line.number - 1
                if last.result == .running { end(.passed, now) }
            }
        }
        steps.append(
            LogStep(
                name: name.prefixOfUTF8(Self.nameBytes), source: source, firstLine: line.number,
                lastLine: line.number, startedMilliseconds: now))
    }

    private mutating func end(_ result: LogStep.Result, _ now: Int64) {
        guard let last = steps.last, last.result == .running else { return }
        steps[steps.count - 1].result = result
        steps[steps.count - 1].endedMilliseconds = now
    }
}
