import FoundationEssentials

/// JSON in which the same value always gives the same bytes, so that it can be digested and
/// compared: keys are sorted, slashes are not escaped.
///
/// It should not contain `Date`: callers format times with `UTCTime`.
public enum CanonicalJSON {
    /// - Parameter isPretty: indented and with a newline at the end, for files that people open.
    /// - Throws: `EncodingError`, for numbers that JSON lacks and for what `value` itself throws.
    public static func encode(_ value: some Encodable, isPretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return [UInt8](try encoder.encode(value)) + (isPretty ? [0x0A] : [])
    }

    public static func text(_ value: some Encodable) throws -> String {
        String(decoding: try encode(value), as: UTF8.self)
    }
}
