import FoundationEssentials
import SQLKit
import TextKit

/// Values of the model that no query filters by are stored as JSON.
enum StoredJSON {
    static func encode(_ value: some Encodable) throws -> SQLValue {
        .text(try CanonicalJSON.text(value))
    }

    static func decode<T: Decodable>(_ type: T.Type, _ text: String) throws -> T {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
