/// The limits of reading logs by line, each with its reason.
public enum LogLimits {
    /// Read at a time; longer than any record, and short enough that between two pieces other work
    /// has its turn.
    static let pieceBytes = 512 << 10
    /// Read first, for lines of which the place is known.
    static let firstBytes = 64 << 10
    /// Text of one line that is read. A progress bar without an end may have megabytes.
    static let lineBytes = 64 << 10
    /// Cells of one line that are shown; the raw log has it whole.
    static let shownCells = 16 << 10
    /// Cells of all lines of one answer: from then on, lines are cut to `cutCells`, so that an
    /// answer has as many lines as were asked for, and an end.
    static let answerCells = 1 << 20
    static let cutCells = 512
    /// Lines of one answer.
    public static let answerLines = 1000
    /// Numbers of matches of one answer.
    public static let answerMatches = 10_000
    /// Longer texts are pasted by mistake.
    public static let searchedTextBytes = 200
    /// Attempts whose indexes are kept: 32 KiB each for a million lines.
    static let indexes = 64
    /// Searches whose matches are kept: 125 kB each for a million lines.
    static let searches = 16
    /// Searched for one request; the next one goes on from there. Less than half a second.
    static let searchedBytes: Int64 = 128 << 20
}
