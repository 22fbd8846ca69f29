/// The outcome of one kind of fault in a campaign: a row of the table.
struct Tally: Sendable {
    var times = 0
    var lostBuilds = 0
    var lostLogBytes = 0
    var doubleRuns = 0
    var doublePublishes = 0
    var orphans = 0
    var recoveryMilliseconds: [Int64] = []

    var isClean: Bool {
        lostBuilds + lostLogBytes + doubleRuns + doublePublishes + orphans == 0
    }

    static let columns = [
        "fault", "times", "lost builds", "lost log bytes", "double runs", "double publishes",
        "orphans", "median s", "worst s",
    ]

    func cells(_ name: String) -> [String] {
        let sorted = recoveryMilliseconds.sorted()
        let counts = [times, lostBuilds, lostLogBytes, doubleRuns, doublePublishes, orphans]
        return [name] + counts.map(String.init) + [
            sorted.isEmpty ? "" : Self.seconds(sorted[sorted.count / 2]),
            sorted.last.map(Self.seconds) ?? "",
        ]
    }

    static func seconds(_ milliseconds: Int64) -> String {
        let tenths = (milliseconds + 50) / 100
        return "\(tenths / 10).\(tenths % 10)"
    }

    static func table(_ rows: [(name: String, tally: Tally)]) -> String {
        let lines = [columns] + rows.map { $0.tally.cells($0.name) }
        let widths = columns.indices.map { index in lines.map { $0[index].count }.max() ?? 0 }
        func text(_ cells: [String]) -> String {
            let padded = zip(cells, widths).enumerated().map { index, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return index == 0 ? cell.0 + space : space + cell.0
            }
            return "| " + padded.joined(separator: " | ") + " |"
        }
        let rule = widths.enumerated().map { index, width in
            String(repeating: "-", count: width + 1) + (index == 0 ? "-" : ":")
        }
        return
            ([text(columns), "|" + rule.joined(separator: "|") + "|"]
            + lines.dropFirst().map(text)).joined(separator: "\n") + "\n"
    }
}
