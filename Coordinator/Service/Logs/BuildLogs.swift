public import BuildProtocol
public import CoordinatorCore

/// Which lines of a build's log belong to one attempt.
public struct AttemptLines: Sendable, Hashable {
    public var attempt: AttemptToken
    /// One more than the last, if the attempt has none.
    public var firstLine: Int
    public var lastLine: Int
    public var sizeBytes: Int64
    public var startedMilliseconds: Int64?
    public var steps: [LogStep]
}

/// The matches of a search.
public struct LogMatches: Sendable, Hashable {
    public var total: Int
    /// Matches before the first of `lines`.
    public var before: Int
    public var lines: [Int]
    public var searchedLines: Int
    /// Whether all that there is was searched; if not, the same request goes on.
    public var isComplete: Bool
}

/// Reads the logs of builds by line: which there are, what they say, where a text is. Lines are
/// numbered from 1 over all attempts of a build, in their order; only the last attempt's log grows,
/// so a number never changes.
///
/// It reads through the log store, piece by piece, so that nothing here blocks. Indexes and matches
/// are made when somebody asks, shared by all who do, and the least recently used are dropped.
public actor BuildLogs {
    private let logs: any LogStore
    private var indexes = RecentlyUsed<AttemptToken, LogIndex>(limit: LogLimits.indexes)
    private var extensions: [AttemptToken: Task<Void, any Error>] = [:]
    private var searches = RecentlyUsed<SearchKey, LogSearch>(limit: LogLimits.searches)

    private struct SearchKey: Hashable {
        /// The first attempt stands for the build.
        var first: AttemptToken
        var pattern: LogPattern
    }

    public init(logs: any LogStore) { self.logs = logs }

    // MARK: The lines that there are

    /// - Parameter attempts: of a build, in their order.
    public func extent(of attempts: [AttemptToken]) async throws -> [AttemptLines] {
        var extent: [AttemptLines] = []
        var count = 0
        for attempt in attempts {
            let index = try await index(of: attempt)
            extent.append(
                AttemptLines(
                    attempt: attempt, firstLine: count + 1, lastLine: count + index.lineCount,
                    sizeBytes: index.sizeBytes, startedMilliseconds: index.startedMilliseconds,
                    steps: index.steps.steps))
            count += index.lineCount
        }
        return extent
    }

    /// As far as the log goes at the time of the call.
    private func index(of attempt: AttemptToken) async throws -> LogIndex {
        // One that runs already may have seen the end before the call.
        if let running = extensions[attempt] { _ = try? await running.value }
        let task = extensions[attempt] ?? Task { try await self.extend(attempt) }
        extensions[attempt] = task
        try await task.value
        if let index = indexes[attempt] { return index }
        // So many others were read meanwhile.
        return try await index(of: attempt)
    }

    private func extend(_ attempt: AttemptToken) async throws {
        defer { extensions[attempt] = nil }
        var index = indexes[attempt] ?? LogIndex()
        while true {
            // With the newline before it: a log that was transferred anew has another one there,
            // or none.
            let known = index.sizeBytes > 0 ? 1 : 0
            let bytes = try await logs.read(
                attempt, from: index.sizeBytes - Int64(known), limit: LogLimits.pieceBytes)
            if known == 1, bytes.first != 0x0A {
                index = LogIndex()
                searches.removeAll { $0.first == attempt }
                continue
            }
            let isMore = bytes.withUnsafeBytes {
                index.take(UnsafeRawBufferPointer(rebasing: $0[known...]))
            }
            if !isMore { break }
        }
        indexes[attempt] = index
    }

    // MARK: What they say

    /// Lines of a build, from one number to another; fewer if there are fewer.
    public func lines(
        _ wanted: ClosedRange<Int>, in extent: [AttemptLines]
    ) async throws -> [ShownLine] {
        var lines: [ShownLine] = []
        for (index, part) in extent.enumerated() where part.firstLine <= part.lastLine {
            let range = part.firstLine...part.lastLine
            guard range.overlaps(wanted) else { continue }
            lines += try await self.lines(wanted.clamped(to: range), part, ordinal: index + 1)
        }
        return lines
    }

    /// Lines that do not follow each other.
    public func lines(
        numbered numbers: [Int], in extent: [AttemptLines]
    ) async throws -> [ShownLine] {
        var lines: [ShownLine] = []
        var rest = numbers[...]
        while let first = rest.first {
            let last = first + zip(rest, first...).prefix { $0 == $1 }.count - 1
            lines += try await self.lines(first...last, in: extent)
            rest = rest.dropFirst(last - first + 1)
        }
        return lines
    }

    private func lines(
        _ wanted: ClosedRange<Int>, _ part: AttemptLines, ordinal: Int
    ) async throws -> [ShownLine] {
        let skipped = part.firstLine - 1
        let place = try await index(of: part.attempt).place(before: wanted.lowerBound - skipped)
        var collector = LineCollector(
            from: place.line + skipped, wanted: wanted, ordinal: ordinal)
        var offset = place.offset
        // Most answers are short.
        var limit = LogLimits.firstBytes
        while !collector.isDone {
            let bytes = try await logs.read(part.attempt, from: offset, limit: limit)
            let taken = bytes.withUnsafeBytes { collector.take($0) }
            if taken == 0, bytes.count < limit || limit == LogLimits.pieceBytes { break }
            offset += Int64(taken)
            limit = LogLimits.pieceBytes
        }
        collector.finish()
        return collector.lines
    }

    // MARK: Where a text is

    /// - Parameters:
    ///   - line: the first line of interest, or the one before which the last matches are wanted.
    ///   - isBackwards: the latter.
    public func search(
        _ pattern: LogPattern, in attempts: [AttemptToken], from line: Int,
        isBackwards: Bool = false, limit: Int
    ) async throws -> LogMatches {
        guard let first = attempts.first else {
            return LogMatches(total: 0, before: 0, lines: [], searchedLines: 0, isComplete: true)
        }
        // Notices what was transferred anew.
        for attempt in attempts { _ = try await index(of: attempt) }
        let key = SearchKey(first: first, pattern: pattern)
        let search = searches[key] ?? LogSearch(pattern)
        searches[key] = search
        let isComplete = try await advance(search, attempts)
        let lines =
            isBackwards
            ? search.matches(before: line, limit: limit)
            : search.matches(from: line, limit: limit)
        return LogMatches(
            total: search.total, before: search.count(before: lines.first ?? line), lines: lines,
            searchedLines: search.searchedLines, isComplete: isComplete)
    }

    /// - Returns: whether all that there is was searched.
    private func advance(_ search: LogSearch, _ attempts: [AttemptToken]) async throws -> Bool {
        var rest = LogLimits.searchedBytes
        while rest > 0 {
            guard search.attempt < attempts.count else { return true }
            let (attempt, offset) = (search.attempt, search.offset)
            let bytes = try await logs.read(
                attempts[attempt], from: offset, limit: LogLimits.pieceBytes)
            // Somebody else who searches for the same was faster.
            guard search.attempt == attempt, search.offset == offset else { continue }
            rest -= Int64(bytes.count)
            if bytes.withUnsafeBytes({ search.take($0) }) { continue }
            search.settle()
            if attempt == attempts.count - 1 { return true }
            search.goOn()
        }
        return false
    }
}
