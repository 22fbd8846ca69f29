public import BuildProtocol

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
