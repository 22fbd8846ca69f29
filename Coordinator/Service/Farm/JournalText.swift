import BuildProtocol
import TextKit

/// What the lines of both journals have in common.
enum JournalText {
    /// ` after 12 s`; empty for what never started.
    static func duration(from start: Int64?, to end: Int64?) -> String {
        guard let start, let end else { return "" }
        return " after \(max(0, end - start) / 1000) s"
    }
}

extension String {
    /// As much of the first line as fits in a line of the journal.
    var firstLine: String {
        String(unicodeScalars.prefix { $0 != "\n" }).visible.prefixOfUTF8(300)
    }
}
