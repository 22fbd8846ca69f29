import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TextKit

/// Lines of a build's log, and of which attempts they are.
struct LogLinesView: Encodable {
    /// Lines of the whole log.
    var total: Int
    /// Of the logs of all attempts. Grows also when the last line does.
    var sizeBytes: Int64
    var attempts: [AttemptLinesView]
    var lines: [LogLineView]
}

struct AttemptLinesView: Encodable {
    var attempt: String
    var ordinal, firstLine, lastLine: Int
    var startedAt: String?

    init(_ part: AttemptLines, ordinal: Int) {
        attempt = part.attempt.text
        self.ordinal = ordinal
        firstLine = part.firstLine
        lastLine = part.lastLine
        startedAt = part.startedMilliseconds.map(Time.text)
    }
}

struct LogLineView: Encodable {
    var number, attempt: Int
    var stream: String
    var kind: String?
    var time: String
    var text: String
    /// None if the whole line is plain.
    var styles: [LogStyleView]?
    /// The line may still change.
    var open: Bool?
    /// Only the beginning is here.
    var cut: Bool?

    init(_ line: ShownLine) {
        number = line.number
        attempt = line.ordinal
        stream = line.stream.rawValue
        kind = line.kind?.rawValue
        time = Time.text(line.unixMilliseconds)
        text = line.text
        var styles: [LogStyleView] = []
        var from = 0
        for run in line.runs {
            let to = from + run.text.utf16.count
            if run.style != TerminalStyle() { styles.append(LogStyleView(run.style, from, to)) }
            from = to
        }
        self.styles = styles.isEmpty ? nil : styles
        open = line.isOpen ? true : nil
        cut = line.isCut ? true : nil
    }
}

/// How a part of a line looks. Positions are in UTF-16 units, as JavaScript counts.
struct LogStyleView: Encodable {
    var from, to: Int
    var color, background: String?
    var bold, faint, italic, underline, struck: Bool?

    init(_ style: TerminalStyle, _ from: Int, _ to: Int) {
        self.from = from
        self.to = to
        func word(_ isSet: Bool) -> Bool? { isSet ? true : nil }
        (color, background) = (style.color?.text, style.background?.text)
        if style.isInverse {
            (color, background) = (background, color ?? "white")
        }
        bold = word(style.isBold)
        faint = word(style.isFaint)
        italic = word(style.isItalic)
        underline = word(style.isUnderlined)
        struck = word(style.isStruck)
    }
}

struct LogMatchesView: Encodable {
    var total, before: Int
    var lines: [Int]
    var searchedLines: Int
    var isComplete: Bool

    init(_ matches: LogMatches) {
        total = matches.total
        before = matches.before
        lines = matches.lines
        searchedLines = matches.searchedLines
        isComplete = matches.isComplete
    }
}

struct LogStepView: Encodable {
    var name: String
    var source: String?
    var attempt, firstLine, lastLine: Int
    var startedAt: String
    var seconds: Double?
    var result: String

    /// - Parameter hasEnded: the attempt.
    init(_ step: LogStep, _ part: AttemptLines, ordinal: Int, hasEnded: Bool) {
        name = step.name
        source = step.source
        attempt = ordinal
        firstLine = part.firstLine - 1 + step.firstLine
        lastLine = part.firstLine - 1 + step.lastLine
        startedAt = Time.text(step.startedMilliseconds)
        seconds = step.endedMilliseconds.map {
            Double(max(0, $0.saturatingMinus(step.startedMilliseconds))) / 1000
        }
        let isLost = hasEnded && step.result == .running
        result = (isLost ? LogStep.Result.interrupted : step.result).rawValue
    }
}

extension Int64 {
    /// Times of agents are untrusted.
    fileprivate func saturatingMinus(_ other: Int64) -> Int64 {
        let (difference, isOver) = subtractingReportingOverflow(other)
        return isOver ? 0 : difference
    }
}
