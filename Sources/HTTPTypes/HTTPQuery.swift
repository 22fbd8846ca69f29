import TextKit

/// The fields of a query string, or of a body of type `application/x-www-form-urlencoded`.
public struct HTTPQuery: Sendable {
    public private(set) var items: [(name: String, value: String)] = []

    public init() {}

    /// - Throws: a `Problem` with status 400 if `text` is not correctly encoded.
    public init(decoding text: some StringProtocol) throws(Problem) {
        let pairs = text.split(separator: "&", maxSplits: Self.maximumItems)
        guard pairs.count <= Self.maximumItems else {
            throw .badRequest("The query has more than \(Self.maximumItems) fields")
        }
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decode(parts[0])
            items.append((name, parts.count == 2 ? try Self.decode(parts[1]) : ""))
        }
    }

    /// The value of the first field of that name; `""` for a field without a value.
    public subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    public func all(_ name: String) -> [String] {
        items.filter { $0.name == name }.map(\.value)
    }

    /// More fields than any request here has, to limit the cost of a hostile one.
    private static let maximumItems = 256

    private static func decode(_ text: some StringProtocol) throws(Problem) -> String {
        guard let decoded = PercentCoding.decode(text, plusIsSpace: true) else {
            throw .badRequest(
                "The query field '\(text.prefix(80))' is not correctly percent-encoded UTF-8",
                remedy: "Write each byte of a special character as %XX")
        }
        return decoded
    }
}
