public import BuildProtocol
import FoundationEssentials

/// Parses the output of `aibuild-fetch`.
public struct FetchSink: OutputSink, Sendable {
    private var lines = LineFeeder()
    private var err = RawSink()
    /// The last event: progress, or how it ended.
    public private(set) var last: FetchEvent?

    public init() {}

    public mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool {
        if stream == .err {
            return err.take(
                bytes, of: stream, unixMilliseconds: unixMilliseconds, into: &records)
        }
        var last = last
        lines.push(bytes) { line in
            if let event = try? JSONDecoder().decode(FetchEvent.self, from: Data(line)) {
                last = event
            }
        }
        self.last = last
        return true
    }

    public mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8]) {
        err.finish(unixMilliseconds: unixMilliseconds, into: &records)
    }

    /// The progress as text, for the phase.
    public var progress: String? {
        guard case .progress(let done, let total) = last else { return nil }
        let text = "fetching base image, "
        guard let total, total > 0 else { return text + "\(done >> 20) MiB" }
        return text + "\(done * 100 / total) % (\(done >> 20) of \(total >> 20) MiB)"
    }
}
