import TextKit

/// A table for people: each column as wide as its content, the last one cut to the terminal.
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
    private var rows: [[Cell]] = []

    init(_ headers: String...) { self.headers = headers }

    var isEmpty: Bool { rows.isEmpty }

    mutating func add(_ cells: Cell...) { rows.append(cells) }

    /// - Parameter width: of the terminal; `nil` for files and pipes, where nothing is cut.
    func text(_ style: Style, width: Int?) -> String {
        var widths = headers.map(\.count)
        for row in rows {
            for (index, cell) in row.enumerated() {
                widths[index] = max(widths[index], cell.text.count)
            }
        }
        let last = widths.count - 1
        if let width, last >= 0 {
            let others = widths.dropLast().reduce(0) { $0 + $1 + 2 }
            widths[last] = min(widths[last], max(width - others, headers[last].count, 8))
        }
        var text = line(headers.map { Cell($0, .faint) }, widths, style)
        for row in rows { text += line(row, widths, style) }
        return text
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ style: Style) -> String {
        var text = ""
        for (index, cell) in cells.enumerated() {
            var shown = cell.text
            if shown.count > widths[index] { shown = shown.prefix(widths[index] - 1) + "…" }
            text += style.paint(shown, cell.colour)
            if index < cells.count - 1 {
                text += "".padded(widths[index] - shown.count + 2)
            }
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }
}
