public import BuildProtocol

extension Artifact {
    /// The parts of the file that have to be pulled, in order, neighbours joined. The cost is that
    /// of the bytes that are here, however large the artifact is said to be.
    ///
    /// - Parameters:
    ///   - presentBytes: the size of what is here.
    ///   - holds: whether the bytes here in the range of chunk `index` have its digest; called in
    ///     order.
    public func missingRanges(
        presentBytes: Int64, holds: (_ index: Int, _ range: Range<Int64>) throws -> Bool
    ) rethrows -> [Range<Int64>] {
        var missing: [Range<Int64>] = []
        func add(_ range: Range<Int64>) {
            if let last = missing.last, last.upperBound == range.lowerBound {
                missing[missing.count - 1] = last.lowerBound..<range.upperBound
            } else {
                missing.append(range)
            }
        }
        var start: Int64 = 0
        for index in chunkSHA256.indices where start < sizeBytes {
            let end = min(start + Int64(ProtocolLimits.artifactChunkBytes), sizeBytes)
            guard end <= presentBytes else { break }
            if try !holds(index, start..<end) { add(start..<end) }
            start = end
        }
        if start < sizeBytes { add(start..<sizeBytes) }
        return missing
    }
}
