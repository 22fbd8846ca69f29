public import BuildProtocol

/// A consumer of a build program's output.
public protocol OutputSink {
    /// Whether both streams come through one pipe, as `out`: only then does their order show in
    /// which order they were written.
    var mergesStreams: Bool { get }

    /// Whether a line has begun and not ended, of which `flush` may log what there is.
    var hasPartialLine: Bool { get }

    /// Logs what there is of unfinished lines.
    mutating func flush(unixMilliseconds: Int64, into records: inout [UInt8])

    /// Consumes the next bytes of a stream and appends their log records.
    /// - Returns: whether the bytes count as output for the silence timer.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool

    /// Both streams have ended.
    mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8])
}

extension OutputSink {
    public var mergesStreams: Bool { false }
    public var hasPartialLine: Bool { false }
    public mutating func flush(unixMilliseconds: Int64, into records: inout [UInt8]) {}
}

/// Logs every byte, and keeps the tail for the reason of a failure.
public struct RawSink: OutputSink, Sendable {
    private var out = LogEncoder(.out)
    private var err = LogEncoder(.err)
    public private(set) var tail = TailText()
    public let mergesStreams: Bool

    public init(mergesStreams: Bool = true) { self.mergesStreams = mergesStreams }

    public var hasPartialLine: Bool { out.hasPartialLine || err.hasPartialLine }

    public mutating func flush(unixMilliseconds: Int64, into records: inout [UInt8]) {
        out.flush(unixMilliseconds: unixMilliseconds, into: &records)
        err.flush(unixMilliseconds: unixMilliseconds, into: &records)
    }

    public mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool {
        tail.append(bytes)
        if stream == .err {
            err.push(bytes, unixMilliseconds: unixMilliseconds, into: &records)
        } else {
            out.push(bytes, unixMilliseconds: unixMilliseconds, into: &records)
        }
        return true
    }

    public mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8]) {
        out.finish(unixMilliseconds: unixMilliseconds, into: &records)
        err.finish(unixMilliseconds: unixMilliseconds, into: &records)
    }
}

/// Captures standard output, and logs standard error.
public struct CaptureSink: OutputSink, Sendable {
    public private(set) var output: [UInt8] = []
    /// More was printed than captured.
    public private(set) var isOverLimit = false
    private let limitBytes: Int
    private var err = LogEncoder(.err)
    public private(set) var tail = TailText()

    public init(limitBytes: Int) { self.limitBytes = limitBytes }

    public var hasPartialLine: Bool { err.hasPartialLine }

    public mutating func flush(unixMilliseconds: Int64, into records: inout [UInt8]) {
        err.flush(unixMilliseconds: unixMilliseconds, into: &records)
    }

    public mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool {
        if stream == .err {
            tail.append(bytes)
            err.push(bytes, unixMilliseconds: unixMilliseconds, into: &records)
        } else {
            isOverLimit = isOverLimit || output.count + bytes.count > limitBytes
            if !isOverLimit { output.append(contentsOf: bytes) }
        }
        return true
    }

    public mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8]) {
        err.finish(unixMilliseconds: unixMilliseconds, into: &records)
    }
}
