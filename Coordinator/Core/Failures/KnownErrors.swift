public import BuildProtocol

/// Whether lines look like errors: by the table of `ErrorShape`, made for logs of a million lines.
public struct KnownErrors: Sendable {
    /// Of each pair of bytes, whether a shape begins with it.
    private let pairs: [Bool]

    public init() {
        var pairs = [Bool](repeating: false, count: 1 << 16)
        for phrase in ErrorShape.phrases where phrase.count > 1 {
            pairs[Int(phrase[0]) << 8 | Int(phrase[1])] = true
        }
        self.pairs = pairs
    }

    /// - Parameter text: of a line, as a terminal shows it.
    public func contains(_ text: UnsafeRawBufferPointer, of stream: LogRecord.Stream) -> Bool {
        guard text.count > 1 else { return false }
        if stream == .sys { return text.starts(with: Self.failed) }
        let mayFit = pairs.withUnsafeBufferPointer { pairs in
            var pair = Int(text[0])
            for index in 1..<text.count {
                pair = (pair & 0xFF) << 8 | Int(text[index])
                if pairs[pair] { return true }
            }
            return false
        }
        guard mayFit else { return false }
        let line = LogLine(
            number: 0, stream: stream,
            text: String(
                decoding: text.prefix(ProtocolLimits.logRecordTextBytes), as: UTF8.self))
        return ErrorShape.of(PackerSaid(line).text) != nil
    }

    /// The agent's last word on an attempt.
    private static let failed = Array("failed: ".utf8)
}
