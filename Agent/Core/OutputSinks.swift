public import BuildProtocol

/// What is done with the bytes of a build program.
public protocol OutputSink {
    /// Takes the next bytes of a stream and appends the log records they make.
    /// - Returns: whether the program can be said to be alive by them, for the silence timer.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool

    /// Both streams have ended.
    mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8])
}

/// Logs every byte as it comes, and remembers the end for the reason of a failure.
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

/// Logs what Packer says to people, and remembers what it says to machines.
public struct PackerSink: OutputSink, Sendable {
    public private(set) var packer = PackerOutput()
    public private(set) var tail = TailText()
    private var out = LineFeeder()
    private var err = LineFeeder()

    public init() {}

    public mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool {
        let before = records.count
        var messages: [PackerOutput.Message] = []
        if stream == .err {
            err.push(bytes) { line in if let w = packer.debug(line) { messages.append(w) } }
        } else {
            out.push(bytes) { line in if let w = packer.output(line) { messages.append(w) } }
        }
        log(messages, unixMilliseconds, &records)
        // The debug log goes on while a guest hangs: only words for people count as life.
        return records.count > before
    }

    public mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8]) {
        var messages: [PackerOutput.Message] = []
        out.finish { line in if let w = packer.output(line) { messages.append(w) } }
        err.finish { line in if let w = packer.debug(line) { messages.append(w) } }
        log(messages, unixMilliseconds, &records)
    }

    private mutating func log(
        _ messages: [PackerOutput.Message], _ unixMilliseconds: Int64, _ records: inout [UInt8]
    ) {
        for message in messages {
            message.text.withUnsafeBytes { bytes in
                tail.append(bytes)
                var encoder = LogEncoder(message.stream)
                encoder.push(bytes, unixMilliseconds: unixMilliseconds, into: &records)
                encoder.finish(unixMilliseconds: unixMilliseconds, into: &records)
            }
        }
    }
}

/// Keeps standard output for the agent to read, and logs standard error.
public struct CaptureSink: OutputSink, Sendable {
    public private(set) var output: [UInt8] = []
    /// More came than was kept.
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

/// The last bytes of what a program printed.
public struct TailText: Sendable {
    private var bytes: [UInt8] = []

    public init() {}

    public mutating func append(_ more: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: more.suffix(AgentLimits.tailTextBytes))
        // Trimmed at twice the limit, so that the moving is paid for by as many new bytes.
        if bytes.count > 2 * AgentLimits.tailTextBytes {
            bytes.removeFirst(bytes.count - AgentLimits.tailTextBytes)
        }
    }

    public var text: String {
        String(decoding: bytes.suffix(AgentLimits.tailTextBytes), as: UTF8.self)
    }
}
