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
