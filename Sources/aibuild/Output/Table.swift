import Support
import TextKit

/// A table for people: each column as wide as its content. On a terminal that is too narrow the
/// last column is cut, then the columns of least worth are left out, then the widest are cut.
struct Table {
    struct Cell {
        var text: String
        var colour: Style.Colour?

        init(_ text: String, _ colour: Style.Colour? = nil) {
            self.text = SafeText.line(text)
            self.colour = colour
        }
    }

    private let headers: [String]
    private let spare: [String]
    private var rows: [[Cell]] = []

    /// The last column is of use with this width, others with the second.
    private static let (lastColumns, leastColumns) = (16, 6)
    private static let gap = 2

    /// - Parameter spare: the headers of columns that are left out on a narrow terminal, those of
    ///   least worth first.
    init(_ headers: String..., spare: [String] = []) {
        self.headers = headers
        self.spare = spare
    }

    var isEmpty: Bool { rows.isEmpty }

    mutating func add(_ cells: Cell...) { rows.append(cells) }

    /// - Parameter width: of the terminal; `nil` for files and pipes, where nothing is cut.
    func text(_ style: Style, width: Int?) -> String {
        var shown = headers.indices.map { index in
            (
                index: index,
                columns: rows.map { Columns.count($0[index].text) }.max().map {
                    max($0, Columns.count(headers[index]))
                } ?? Columns.count(headers[index])
            )
        }
        let whole = shown.count
        if let width { fit(&shown, width) }
        var text = line(headers.map { Cell($0, .faint) }, shown, style)
        for row in rows { text += line(row, shown, style) }
        guard shown.count < whole else { return text }
        let left = headers.indices.filter { index in !shown.contains { $0.index == index } }
        let note = "Not shown for lack of room: \(left.map { headers[$0] }.joined(separator: ", "))"
        return text + style.paint(note, .faint) + "\n"
    }

    private func fit(_ shown: inout [(index: Int, columns: Int)], _ width: Int) {
        var spare = spare
        var natural = shown
        func excess() -> Int {
            shown.reduce(0) { $0 + $1.columns + Self.gap } - Self.gap - width
        }
        func cutLast() {
            shown = natural
            guard excess() > 0, let last = shown.indices.last else { return }
            let least = max(Self.lastColumns, Columns.count(headers[shown[last].index]))
            shown[last].columns = max(
                shown[last].columns - excess(), min(least, shown[last].columns))
        }
        cutLast()
        while excess() > 0, !spare.isEmpty {
            let header = spare.removeFirst()
            natural.removeAll { headers[$0.index] == header }
            cutLast()
        }
        while excess() > 0,
            let widest = shown.indices.max(by: { shown[$0].columns < shown[$1].columns }),
            shown[widest].columns > Self.leastColumns
        {
            shown[widest].columns -= 1
        }
    }

    private func line(
        _ cells: [Cell], _ shown: [(index: Int, columns: Int)], _ style: Style
    ) -> String {
        var text = ""
        for (position, column) in shown.enumerated() {
            let cell = cells[column.index]
            let isCut = Columns.count(cell.text) > column.columns
            let part = isCut ? Columns.prefix(cell.text, column.columns - 1) + "…" : cell.text
            text += style.paint(part, cell.colour)
            if position < shown.count - 1 {
                text += "".padded(max(0, column.columns - Columns.count(part)) + Self.gap)
            }
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }
}
