import BuildProtocol
import TextKit

extension KeyedDecodingContainer {
    func replace<Value: Decodable>(_ value: inout Value, _ key: Key) throws {
        if let given = try decodeIfPresent(Value.self, forKey: key) { value = given }
    }

    /// One of a few words; an error lists them.
    func word<Word: RawRepresentable & CaseIterable>(
        _ type: Word.Type, _ key: Key
    ) throws -> Word? where Word.RawValue == String {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        if let word = Word(rawValue: text) { return word }
        let known = Word.allCases.map(\.rawValue)
        let hint = Suggestion.hint(for: text, in: known) ?? "."
        throw DecodingError.dataCorruptedError(
            forKey: key, in: self,
            debugDescription: "'\(text.prefixOfUTF8(60))' is unknown\(hint) "
                + "Use one of: \(known.joined(separator: ", "))")
    }

    /// Refuses the fields of an object that people send and that its kind does not have: somebody
    /// meant something by them.
    func refuseOthers(
        than known: some Collection<String>, in key: Key, of kind: String,
        from decoder: any Decoder
    ) throws {
        guard BoundedDecoding.isRefusing(decoder) else { return }
        let fields = try nestedContainer(keyedBy: AnyField.self, forKey: key)
        guard
            let stray = fields.allKeys.map(\.stringValue).filter({ !known.contains($0) }).min()
        else { return }
        let hint =
            Suggestion.hint(for: stray, in: known)
            ?? "; it has " + known.sorted().joined(separator: ", ")
        throw DecodingError.dataCorruptedError(
            forKey: key, in: self,
            debugDescription: "kind \(kind) has no setting '\(stray.prefixOfUTF8(60))'\(hint)")
    }
}

private struct AnyField: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
