extension Artifact {
    /// The size of its chunks, but for the last one.
    public var chunkSizeBytes: Int64 { chunkBytes ?? Int64(ProtocolLimits.artifactChunkBytes) }

    /// The size of chunks with which so many files of one attempt have at most
    /// `ProtocolLimits.chunkDigests`.
    public static func chunkSizeBytes(files: Int, totalBytes: Int64) -> Int64 {
        var size = Int64(ProtocolLimits.artifactChunkBytes)
        let total = min(totalBytes, ByteBound.range.upperBound)
        while total / size + Int64(files) > Int64(ProtocolLimits.chunkDigests),
            size < ChunkBound.range.upperBound / 2
        { size *= 2 }
        return size
    }
}

extension Finished {
    /// A copy that fits a line, for the sender. What is cut first is what a receiver can do
    /// without: long details of tests, the picture of the guest, the digests of chunks.
    public var fitted: Finished {
        var fitted = self
        for cut in Self.cuts {
            if (try? LineCodec.encode(AgentMessage.finished(fitted))) != nil { break }
            cut(&fitted)
        }
        return fitted
    }

    private static let cuts: [@Sendable (inout Finished) -> Void] = [
        { finished in
            finished.tests = finished.tests?.map { test in
                var test = test
                test.detail = test.detail.prefixOfUTF8(ProtocolLimits.testDetailBytes)
                return test
            }
        },
        { finished in
            guard finished.evidence?.screenshot != nil else { return }
            finished.evidence?.screenshot = nil
            finished.evidence?.notes.append("the screen is left out: the report is too long")
        },
        { finished in
            finished.artifacts = finished.artifacts.map { artifact in
                var artifact = artifact
                artifact.chunkSHA256 = []
                return artifact
            }
        },
        { $0.evidence = nil },
    ]
}

extension AgentMessage {
    /// The attempt that it is about.
    public var attempt: AttemptToken? {
        switch self {
        case .phase(let phase): phase.attempt
        case .log(let chunk): chunk.attempt
        case .finished(let finished): finished.attempt
        case .error(let report): report.attempt
        case .hello, .host, .pong, .plugins: nil
        }
    }
}
