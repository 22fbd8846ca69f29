import BuildProtocol

/// An artifact that is being pulled into an in-memory web root, which holds its bytes.
struct InMemoryIncomingFile: IncomingFile {
    let root: InMemoryWebRoot
    let artifact: Artifact
    let attempt: AttemptToken

    func missingRanges() async -> [Range<Int64>] {
        await root.missingRanges(artifact, of: attempt)
    }

    func write(_ bytes: [UInt8], at offset: Int64) async throws {
        // Subtracted, because a sum could overflow.
        guard offset >= 0, offset <= artifact.sizeBytes - Int64(bytes.count) else {
            throw HostFault(.refused, "the host sent more of \(artifact.name) than it announced")
        }
        await root.write(bytes, at: Int(offset), artifact, of: attempt)
    }

    func verify() async -> Bool { await root.verify(artifact, of: attempt) }
}
