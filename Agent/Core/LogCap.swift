/// Keeps a log within its limit: the head as it comes, the last lines at the end, and a word about
/// what was dropped between them. Bytes come in and go out as whole records (lines).
public struct LogCap: Sendable {
    private let headLimit: Int64
    private let tailLimit: Int
    private var headBytes: Int64 = 0
    private var tail: [UInt8] = []
    private var droppedLines: Int64 = 0
    private var droppedBytes: Int64 = 0
    /// The next word about what is held back, in the reader's time.
    private var nextProgress: (atMilliseconds: Int64, pauseMilliseconds: Int64)?
    public private(set) var isFull = false

    public init(limitBytes: Int64) {
        tailLimit = Int(min(Int64(AgentLimits.logTailBytes), limitBytes / 2))
        // Room for the tail and for the records that speak of the gap.
        headLimit = max(0, limitBytes - Int64(tailLimit) - AgentLimits.logNoticesBytes)
    }

    /// How many bytes of `records` belong into the file now. What is beyond stays here.
    /// - Returns: the number of bytes to write, and whether the log became full with them: then
    ///   `fullNotice` is due.
    public mutating func admit(_ records: [UInt8]) -> (bytes: Int, becameFull: Bool) {
        if isFull {
            keep(records[...])
            return (0, false)
        }
        if headBytes + Int64(records.count) <= headLimit {
            headBytes += Int64(records.count)
            return (records.count, false)
        }
        let room = records.prefix(Int(headLimit - headBytes))
        let cut = (room.lastIndex(of: 0x0A) ?? -1) + 1
        headBytes += Int64(cut)
        isFull = true
        keep(records[cut...])
        return (cut, true)
    }

    public var fullNotice: String {
        "the log is nearly at its limit of \(limitBytes) bytes: what follows is dropped "
            + "but for the last \(tailLimit) bytes, which come when the build has ended"
    }

    private var limitBytes: Int64 { headLimit + Int64(tailLimit) + AgentLimits.logNoticesBytes }

    /// A word for those who follow a build whose log is full, so that it does not look dead. Each
    /// comes twice as late as the one before, so that there are few of them in the longest build.
    public mutating func progress(nowMilliseconds: Int64) -> String? {
        guard isFull else { return nil }
        let first = AgentLimits.logProgressMilliseconds
        guard let due = nextProgress else {
            nextProgress = (nowMilliseconds + first, first)
            return nil
        }
        guard nowMilliseconds >= due.atMilliseconds else { return nil }
        let pause = due.pauseMilliseconds * 2
        nextProgress = (nowMilliseconds + pause, pause)
        return "the build goes on; \(droppedLines) log lines (\(droppedBytes) bytes) "
            + "were dropped so far"
    }

    /// What was dropped and the kept end, to be appended when the build has ended.
    public mutating func finish() -> (notice: String, tail: [UInt8])? {
        guard isFull else { return nil }
        trim(to: tailLimit)
        defer { tail = [] }
        return ("\(droppedLines) log lines (\(droppedBytes) bytes) were dropped here", tail)
    }

    private mutating func keep(_ records: ArraySlice<UInt8>) {
        tail.append(contentsOf: records)
        // Twice the limit, so that the trimming is paid for by as many new bytes.
        if tail.count > 2 * tailLimit { trim(to: tailLimit) }
    }

    private mutating func trim(to limit: Int) {
        guard tail.count > limit else { return }
        let earliest = tail.count - limit
        // The first line that lies wholly within the limit.
        let cut =
            tail[(earliest - 1)...].firstIndex(of: 0x0A).map { $0 + 1 } ?? tail.count
        droppedBytes += Int64(cut)
        droppedLines += Int64(tail[..<cut].count { $0 == 0x0A })
        tail.removeFirst(cut)
    }
}
