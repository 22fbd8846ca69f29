import TextKit

/// The identity of one attempt. It fences every effect of the attempt: status, log, artifact, test
/// result, publication and release carry the token, and a stale token is refused everywhere.
///
/// 32 lower-case hexadecimal digits, so that it is safe in a path, an argument and a URL.
public struct AttemptToken: Sendable, Hashable, Comparable {
    public let text: String

    /// `nil` unless `text` is exactly 32 lower-case hexadecimal digits.
    public init?(_ text: String) {
        guard Hex.isLowerCase(text, count: 32) else { return nil }
        self.text = text
    }

    /// A token from two random numbers of the caller.
    public init(high: UInt64, low: UInt64) {
        text = [high, low].map { $0.zeroPadded(16, radix: 16) }.joined()
    }

    public static func < (a: AttemptToken, b: AttemptToken) -> Bool { a.text < b.text }
}

extension AttemptToken: CustomStringConvertible {
    public var description: String { text }
}

extension AttemptToken: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let token = AttemptToken(text) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "an attempt token is 32 lower-case hexadecimal digits"))
        }
        self = token
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
