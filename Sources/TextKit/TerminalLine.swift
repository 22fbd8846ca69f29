/// One line of a program's output as a terminal shows it: carriage returns, backspaces and cursor
/// movements overwrite, colours are kept, titles and links and the rest of what steers a terminal
/// are left out. What would change the reader's view of other text (bidirectional controls, line
/// separators) is visible as `\u{202e}`.
public struct TerminalLine: Sendable {
    private struct Cell: Equatable {
        /// A character with its combining marks.
        var text: String
        /// The colour sequences in force.
        var style: String
    }

    private var cells: [Cell] = []
    private var cursor = 0
    private var style = ""
    /// The beginning of a sequence whose end has not been written yet.
    private var pending: [Unicode.Scalar] = []
    /// The first cell that was changed since `mark`; the number of cells if none was.
    public private(set) var changedFrom = 0
    /// Whether the cursor was ever moved back, as a progress bar does.
    public private(set) var isOverwritten = false

    /// Longest distance of one cursor movement.
    private static let reach = 4096
    /// Combining marks of one character, in bytes.
    private static let cellBytes = 64
    /// Colour sequences since the last reset, in bytes.
    private static let styleBytes = 160
    /// Longest colour sequence that is kept; real ones have two dozen characters.
    private static let colourBytes = 48

    public init() {}

    public var count: Int { cells.count }

    /// Continues the line. A sequence may be cut anywhere between two calls.
    public mutating func write(_ text: some StringProtocol) {
        if pending.isEmpty, cursor == cells.count,
            text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) })
        {
            // Nearly every line.
            cells.reserveCapacity(cells.count + text.utf8.count)
            for byte in text.utf8 {
                cells.append(Cell(text: String(Unicode.Scalar(byte)), style: style))
            }
            cursor = cells.count
            return
        }
        let scalars = pending + Array(text.unicodeScalars)
        pending = []
        var rest = scalars[...]
        while let scalar = rest.first {
            let start = rest
            switch TerminalSequence.take(&rest) {
            case .text: put(scalar)
            case .incomplete:
                pending = Array(start)
                return
            case .ignored: break
            case .control(let final, let parameters): apply(final, parameters)
            }
        }
    }

    /// What is written from now on counts as a change.
    public mutating func mark() { changedFrom = cells.count }

    /// The text without colours, from a cell to another.
    public func plain(from start: Int = 0, limit: Int = .max) -> String {
        cells.dropFirst(start).prefix(limit).reduce(into: "") { $0 += $1.text }
    }

    /// The text with its colours, which end with it.
    public func coloured(from start: Int = 0, limit: Int = .max) -> String {
        var current = ""
        var text = ""
        for cell in cells.dropFirst(start).prefix(limit) {
            if cell.style != current {
                if !current.isEmpty { text += "\u{1B}[0m" }
                text += cell.style
                current = cell.style
            }
            text += cell.text
        }
        return current.isEmpty ? text : text + "\u{1B}[0m"
    }

    /// The text in runs of one style, up to a number of cells.
    public func runs(limit: Int = .max) -> [TerminalRun] {
        var runs: [TerminalRun] = []
        var current: String?
        for cell in cells.prefix(limit) {
            if cell.style != current {
                current = cell.style
                runs.append(TerminalRun(text: "", style: TerminalStyle(sequences: cell.style)))
            }
            runs[runs.count - 1].text += cell.text
        }
        return runs
    }

    /// The text as a terminal shows it, line by line, without colours.
    public static func plain(_ text: String) -> String {
        text.allLines.map {
            var line = TerminalLine()
            line.write($0)
            return line.plain()
        }.joined(separator: "\n")
    }

    // MARK: Cells

    private mutating func put(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\r":
            isOverwritten = true
            move(to: 0)
        case "\u{8}": move(to: max(0, cursor - 1))
        case "\t": move(to: (cursor / 8 + 1) * 8)
        case "\n": put(" ", style)
        default:
            switch scalar.properties.generalCategory {
            case .control: break
            case .nonspacingMark, .enclosingMark: join(scalar)
            case .format where scalar == "\u{200C}" || scalar == "\u{200D}": join(scalar)
            case .format, .lineSeparator, .paragraphSeparator:
                for part in String(scalar).visible { put(String(part), style) }
            default: put(String(scalar), style)
            }
        }
    }

    private mutating func put(_ text: String, _ style: String) {
        let cell = Cell(text: text, style: style)
        defer { cursor += 1 }
        if cursor < cells.count, cells[cursor] == cell { return }
        changedFrom = min(changedFrom, cursor)
        while cells.count < cursor { cells.append(Cell(text: " ", style: "")) }
        if cursor < cells.count { cells[cursor] = cell } else { cells.append(cell) }
    }

    private mutating func join(_ mark: Unicode.Scalar) {
        guard cursor > 0, cursor <= cells.count else { return put(String(mark), style) }
        guard cells[cursor - 1].text.utf8.count < Self.cellBytes else { return }
        cells[cursor - 1].text.unicodeScalars.append(mark)
        changedFrom = min(changedFrom, cursor - 1)
    }

    private mutating func move(to column: Int) {
        if column < cursor { isOverwritten = true }
        cursor = column
    }

    private mutating func cut(to count: Int) {
        guard count < cells.count else { return }
        cells.removeLast(cells.count - count)
        changedFrom = min(changedFrom, count)
    }

    private mutating func blank(_ range: Range<Int>) {
        for index in range.clamped(to: 0..<cells.count) {
            cells[index] = Cell(text: " ", style: "")
            changedFrom = min(changedFrom, index)
        }
    }

    // MARK: Sequences

    private mutating func apply(_ final: Unicode.Scalar, _ parameters: String) {
        guard parameters.utf8.allSatisfy({ (0x30...0x3B).contains($0) }) else { return }
        if final == "m" { return colour(parameters) }
        let numbers = parameters.split(separator: ";", omittingEmptySubsequences: false)
            .map { min(Int($0) ?? 0, Self.reach) }
        let first = numbers.first ?? 0
        let distance = max(1, first)
        switch final {
        case "C": move(to: min(cursor + distance, max(cells.count, Self.reach)))
        case "D": move(to: max(0, cursor - distance))
        case "G", "`": move(to: distance - 1)
        case "H", "f": move(to: max(1, numbers.dropFirst().first ?? 1) - 1)
        // Who clears the screen means what was on it, not the line of a log.
        case "J" where first > 0: break
        case "K", "J":
            switch first {
            case 0: cut(to: cursor)
            case 1: blank(0..<(cursor + 1))
            default: cut(to: 0)
            }
        case "P":
            let end = min(cells.count, cursor + distance)
            guard cursor < end else { return }
            cells.removeSubrange(cursor..<end)
            changedFrom = min(changedFrom, cursor)
        case "X": blank(cursor..<(cursor + distance))
        default: break
        }
    }

    private mutating func colour(_ parameters: String) {
        guard parameters.utf8.count <= Self.colourBytes else { return }
        let sequence = "\u{1B}[\(parameters)m"
        if parameters.utf8.allSatisfy({ $0 == UInt8(ascii: "0") }) {
            style = ""
        } else if parameters.hasPrefix("0;") || style.utf8.count > Self.styleBytes {
            style = sequence
        } else {
            style += sequence
        }
    }
}
