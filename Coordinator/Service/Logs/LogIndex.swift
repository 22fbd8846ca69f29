import BuildProtocol
import CoordinatorCore
import Support

/// Where the lines of one attempt's log begin, and its steps. Grows with the log.
///
/// Sparse: one offset for every `spacing` lines, from which a reader counts on. A log of a million
/// lines needs 32 KiB.
final class LogIndex {
    static let spacing = 256

    /// The offset of each line whose number minus one is a multiple of `spacing`.
    private var offsets: [Int64] = []
    private(set) var lineCount = 0
    /// The end of the last whole record.
    private(set) var sizeBytes: Int64 = 0
    /// The stream of the last line, if it is not complete.
    private(set) var open: LogRecord.Stream?
    private(set) var steps = LogSteps()
    /// Of the first record that has one.
    private(set) var startedMilliseconds: Int64?

    /// - Parameter raw: of the log, from `sizeBytes` on.
    /// - Returns: whether there were whole records.
    func take(_ raw: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        while let newline = ByteSearch.first(0x0A, in: raw, from: start) {
            take(record: UnsafeRawBufferPointer(rebasing: raw[start..<newline]))
            sizeBytes += Int64(newline + 1 - start)
            start = newline + 1
        }
        return start > 0
    }

    private func take(record: UnsafeRawBufferPointer) {
        let head = LogRecordHead(record)
        if open != head.stream {
            if lineCount % Self.spacing == 0 { offsets.append(sizeBytes) }
            lineCount += 1
            note(record, head)
        }
        open = head.isContinued ? head.stream : nil
        steps.extend(to: lineCount)
    }

    private func note(_ record: UnsafeRawBufferPointer, _ head: LogRecordHead) {
        if let text = head.escapedText(in: record) {
            guard lineCount == 1 || LogSteps.mayMatter(head.stream, text: text) else { return }
        }
        guard let known = LogRecord(line: record) else { return }
        if startedMilliseconds == nil { startedMilliseconds = known.t }
        steps.take(
            LogLine(number: lineCount, stream: known.s, text: LogText.plain(known.m)),
            atMilliseconds: known.t)
    }

    /// - Returns: the last indexed line up to `line`, and where it begins.
    func place(before line: Int) -> (line: Int, offset: Int64) {
        guard !offsets.isEmpty else { return (1, 0) }
        let index = min(max(0, line - 1) / Self.spacing, offsets.count - 1)
        return (index * Self.spacing + 1, offsets[index])
    }
}
