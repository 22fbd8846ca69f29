public import BuildProtocol

/// Passes the output of a program on to a sink, without secrets.
public struct MaskedOutput: Sendable {
    /// One for each stream; none if there are no secrets.
    private var masks: [LogRecord.Stream: SecretMask] = [:]

    public init(_ mask: SecretMask?) {
        guard let mask, !mask.isEmpty else { return }
        masks = [.out: mask, .err: mask]
    }

    /// As `OutputSink.take`.
    public mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        to sink: inout some OutputSink, into records: inout [UInt8]
    ) -> Bool {
        guard let index = masks.index(forKey: stream) else {
            return sink.take(
                bytes, of: stream, unixMilliseconds: unixMilliseconds, into: &records)
        }
        return masks.values[index].push(bytes) {
            sink.take($0, of: stream, unixMilliseconds: unixMilliseconds, into: &records)
        }
    }

    /// As `OutputSink.finish`.
    public mutating func finish(
        unixMilliseconds: Int64, to sink: inout some OutputSink, into records: inout [UInt8]
    ) {
        for stream in [LogRecord.Stream.out, .err] {
            guard let rest = masks[stream]?.finish(), !rest.isEmpty else { continue }
            rest.withUnsafeBytes {
                _ = sink.take(
                    $0, of: stream, unixMilliseconds: unixMilliseconds, into: &records)
            }
        }
        sink.finish(unixMilliseconds: unixMilliseconds, into: &records)
        let count = masks.values.reduce(0) { $0 + $1.replacements }
        guard count > 0 else { return }
        // Who reads `***` must know whether the program printed it.
        LogEncoder.append(
            .masked,
            "secrets were replaced by *** \(count == 1 ? "once" : "\(count) times") in the output "
                + "above",
            unixMilliseconds: unixMilliseconds, into: &records)
    }
}
