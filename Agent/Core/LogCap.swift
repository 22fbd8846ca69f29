/// Keeps a log within its limit: head and tail are kept, with a notice of what was dropped in
/// between. Consumes and produces whole records (lines).
public struct LogCap: Sendable {
    private let headLimit: Int64
    private let tailLimit: Int
    private var headBytes: Int64 = 0
    private var tail: [UInt8] = []
    private var droppedLines: Int64 = 0
    private var droppedBytes: Int64 = 0
    /// When the next progress notice is due.
    private var nextProgress: (atMilliseconds: Int64, pauseMilliseconds: Int64)?
    public private(set) var isFull = false

    public init(limitBytes: Int64) {
        tailLimit = Int(min(Int64(AgentLimits.logTailBytes), limitBytes / 2))
        // Room for the tail and for the notices.
        headLimit = max(0, limitBytes - Int64(tailLimit) - AgentLimits.logNoticesBytes)
    }

    /// Decides how many bytes of `records` are written now. The rest is kept here.
    /// - Returns: the number of bytes to write, and whether the log became full: then `fullNotice`
    ///   is due.
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
        "the log is nearly at its limit of \(limitBytes) bytes: what follows is dropped, except "
            + "the last \(tailLimit) bytes, which are appended when the build has ended"
    }

    private var limitBytes: Int64 { headLimit + Int64(tailLimit) + AgentLimits.logNoticesBytes }

    /// A notice for followers of a build whose log is full, so that it does not appear dead. The
    /// intervals double, so that even the longest build has only a few.
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
        return "the build continues; \(droppedLines) log lines (\(droppedBytes) bytes) "
            + "were dropped so far"
    }

    /// The notice of what was dropped, and the tail, to be appended when the build has ended.
    public mutating func finish() -> (notice: String, tail: [UInt8])? {
        guard isFull else { return nil }
        trim(to: tailLimit)
        defer { tail = [] }
        return ("\(droppedLines) log lines (\(droppedBytes) bytes) were dropped here", tail)
    }

    private mutating func keep(_ records: ArraySlice<UInt8>) {
        tail.append(contentsOf: records)
        // Trimmed at twice the limit, so that the cost is amortized.
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
