import BuildProtocol
import CoordinatorCore
import Testing

@Suite struct MissingRangesTests {
    private let chunk = Int64(ProtocolLimits.artifactChunkBytes)

    private func missing(
        size: Int64, digests: Int, present: Int64, damaged: Set<Int> = []
    ) -> (ranges: [Range<Int64>], asked: [Int]) {
        let artifact = Artifact(
            name: "a", sizeBytes: size, sha256: "", format: .raw,
            chunkSHA256: Array(repeating: "", count: digests))
        var asked: [Int] = []
        let ranges = artifact.missingRanges(presentBytes: present) { index, _ in
            asked.append(index)
            return !damaged.contains(index)
        }
        return (ranges, asked)
    }

    @Test("A damaged chunk in the middle and what is not here yet are pulled")
    func damagedAndMissing() {
        let found = missing(size: 5 * chunk + 7, digests: 6, present: 4 * chunk, damaged: [1, 2])
        #expect(found.ranges == [chunk..<3 * chunk, 4 * chunk..<5 * chunk + 7])
        #expect(found.asked == [0, 1, 2, 3])
    }

    @Test("Damage before what is not here yet is one range")
    func neighboursAreJoined() {
        let found = missing(size: 3 * chunk, digests: 3, present: 2 * chunk, damaged: [1])
        #expect(found.ranges == [chunk..<3 * chunk])
    }

    @Test("A whole file lacks nothing, and an empty one neither")
    func wholeFiles() {
        #expect(missing(size: chunk + 1, digests: 2, present: chunk + 1).ranges == [])
        #expect(missing(size: 0, digests: 0, present: 0).ranges == [])
    }

    @Test("An artifact that is said to be huge costs no more than what is here of it")
    func hugeSizes() {
        let found = missing(size: 1 << 50, digests: 1, present: chunk)
        #expect(found.ranges == [chunk..<1 << 50])
        #expect(found.asked == [0])
    }

    @Test("A large artifact has larger chunks")
    func largeChunks() {
        let artifact = Artifact(
            name: "a", sizeBytes: 5 * chunk, sha256: "", format: .raw,
            chunkSHA256: ["", "", ""], chunkBytes: 2 * chunk)
        var asked: [Range<Int64>] = []
        let ranges = artifact.missingRanges(presentBytes: 4 * chunk + 1) { _, range in
            asked.append(range)
            return true
        }
        #expect(asked == [0..<2 * chunk, 2 * chunk..<4 * chunk])
        #expect(ranges == [4 * chunk..<5 * chunk])
    }
}
