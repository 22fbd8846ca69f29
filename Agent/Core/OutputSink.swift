public import BuildProtocol

/// A consumer of a build program's output.
public protocol OutputSink {
    /// Consumes the next bytes of a stream and appends their log records.
    /// - Returns: whether the bytes count as output for the silence timer.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool

    /// Both streams have ended.
    mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8])
}

/// Logs every byte, and keeps the tail for the reason of a failure.
public struct RawSink: OutputSink, Sendable {
    private var out = LogEncoder(.out)
    private var err = LogEncoder(.err)
    public private(set) var tail = TailText()

    public init() {}

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
