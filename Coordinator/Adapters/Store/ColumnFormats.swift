import BuildProtocol
import FoundationEssentials
import SQLKit
import TextKit

/// The historic `datetime` columns: `2018-11-28 09:05:00`, here in UTC.
enum SQLDateTime {
    static func text(_ unixMilliseconds: Int64) -> String {
        UTCTime(unixMilliseconds: unixMilliseconds).text
    }

    /// `nil` for an invalid time, such as MariaDB's `0000-00-00 00:00:00`. Fractions are dropped.
    static func unixMilliseconds(_ text: String) -> Int64? {
        let parts = text.split { "- T:.".contains($0) }.prefix(6).map { Int($0) }
        guard parts.count >= 3, !parts.contains(nil) else { return nil }
        let numbers = parts.compactMap { $0 } + [0, 0, 0]
        guard let date = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2]),
            (0...23).contains(numbers[3]), (0...59).contains(numbers[4]),
            (0...60).contains(numbers[5])
        else { return nil }
        let seconds = (numbers[3] * 60 + numbers[4]) * 60 + numbers[5]
        return date.unixMilliseconds + Int64(seconds) * 1000
    }
}

/// Values of the model that no query filters by are stored as JSON.
enum StoredJSON {
    static func encode(_ value: some Encodable) throws -> SQLValue {
        .text(try CanonicalJSON.text(value))
    }

    /// - Throws: `SQLError.unexpectedValue`
    static func decode<T: Decodable>(
        _ type: T.Type, _ text: String
    ) throws(SQLError) -> T {
        do { return try JSONDecoder().decode(type, from: Data(text.utf8)) } catch {
            throw SQLError(.unexpectedValue, Self.describe(error))
        }
    }

    private static func describe(_ error: any Error) -> String {
        let context: DecodingError.Context? =
            switch error as? DecodingError {
            case .keyNotFound(_, let context), .typeMismatch(_, let context),
                .valueNotFound(_, let context), .dataCorrupted(let context):
                context
            default: nil
            }
        guard let context else { return "unreadable JSON" }
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return "JSON field '\(path)': \(context.debugDescription)"
            .prefixOfUTF8(ProtocolLimits.reasonBytes)
    }
}
