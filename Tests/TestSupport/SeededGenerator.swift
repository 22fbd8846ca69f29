/// A seeded random number generator, with the same sequence on every machine.
public struct SeededGenerator: Sendable {
    private var state: UInt64

    public init(seed: Int) {
        state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    public mutating func below(_ limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33) % limit
    }

    public mutating func one<T>(of choices: [T]) -> T { choices[below(choices.count)] }

    public mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    public mutating func shuffled<T>(_ choices: [T]) -> [T] {
        var rest = choices
        var result: [T] = []
        while !rest.isEmpty { result.append(rest.remove(at: below(rest.count))) }
        return result
    }
}
