public import BuildProtocol
public import PackerKit

/// Logs Packer's messages for people, and keeps those for machines.
public struct PackerSink: OutputSink, Sendable {
    public private(set) var packer: PackerOutput
    public private(set) var tail = TailText()
    private var out = LineFeeder()
    private var err = LineFeeder()

    /// - Parameter provisioners: as for `PackerOutput`.
    public init(provisioners: [ProvisionerBlock] = []) {
        packer = PackerOutput(provisioners: provisioners)
    }

    public mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool {
        let before = records.count
        var messages: [PackerOutput.Message] = []
        if stream == .err {
            err.push(bytes) { line in if let w = packer.debug(line) { messages.append(w) } }
        } else {
            out.push(bytes) { line in messages += packer.output(line) }
        }
        log(messages, unixMilliseconds, &records)
        // The debug log continues while a guest hangs: only messages for people count as output.
        return records.count > before
    }

    public mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8]) {
        var messages: [PackerOutput.Message] = []
        out.finish { line in messages += packer.output(line) }
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
