import TestSupport

/// Copies of a file, each with up to that many bytes overwritten, the same ones for a seed.
func damaged(
    _ file: [UInt8], times: Int, seed: Int, bytes: Int
) -> some Sequence<[UInt8]> {
    var chance = SeededGenerator(seed: seed)
    return (0..<times).map { _ in
        var copy = file
        for _ in 0..<chance.below(bytes) + 1 {
            copy[chance.below(copy.count)] = UInt8(chance.below(256))
        }
        return copy
    }
}
