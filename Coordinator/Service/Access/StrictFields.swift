/// A field of a request that nobody reads looks as if it had been applied: a token without the
/// limits that it was to have.
enum StrictFields {
    private struct Field: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// - Throws: `DecodingError`
    static func check(_ decoder: any Decoder, _ known: [String]) throws {
        let fields = try decoder.container(keyedBy: Field.self).allKeys
        guard let other = fields.first(where: { !known.contains($0.stringValue) }) else { return }
        throw DecodingError.dataCorrupted(
            DecodingError.Context(
                codingPath: [other],
                debugDescription: "unknown; it takes " + known.joined(separator: ", ")))
    }
}
