public import BuildProtocol

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
