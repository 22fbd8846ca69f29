/// The options and operands of a command.
public struct Arguments: Sendable {
    public internal(set) var operands: [String] = []
    private var values: [String: [String]] = [:]

    public subscript(option: String) -> String? { values[option]?.last }

    public func has(_ option: String) -> Bool { values[option] != nil }
    public func all(_ option: String) -> [String] { values[option] ?? [] }

    /// - Throws: `UsageError` for a value that is not a whole number in the range.
    public func int(_ option: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = self[option] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError(
                "--\(option): expected a number from \(range.lowerBound) to \(range.upperBound), "
                    + "found '\(text)'")
        }
        return number
    }

    mutating func add(_ option: String, _ value: String) {
        values[option, default: []].append(value)
    }
}
