import BuildProtocol
import Testing

/// Reports of any attempt fit a line.
@Suite struct FittedTests {
    private static let digest = String(repeating: "0", count: 64)

    private func finished(
        _ artifacts: [Artifact], evidence: GuestEvidence? = nil, tests: [TestResult]? = nil
    ) -> Finished {
        Finished(
            attempt: AttemptToken(high: 1, low: 1), outcome: Outcome(), logBytes: 0,
            logSHA256: Self.digest, artifacts: artifacts, startedUnixMilliseconds: 0,
            endedUnixMilliseconds: 1, evidence: evidence, tests: tests)
    }

    private func fits(_ finished: Finished) -> Bool {
        (try? LineCodec.encode(AgentMessage.finished(finished))) != nil
    }

    @Test(
        "The digests of images of any size fit, with the most files that an attempt may have",
        arguments: [0, 1, 61 << 30, 1 << 40, ByteBound.range.upperBound, .max])
    func digests(totalBytes: Int64) {
        let count = ProtocolLimits.artifactsPerAttempt
        let size = Artifact.chunkSizeBytes(files: count, totalBytes: totalBytes)
        #expect(ChunkBound.range.contains(size))
        let total = min(totalBytes, ByteBound.range.upperBound)
        let each = total / Int64(count)
        let artifacts = (0..<count).map { index in
            Artifact(
                name: "\(index)" + String(repeating: "n", count: 200), sizeBytes: each,
                sha256: Self.digest, format: .raw, virtualSizeBytes: each,
                chunkSHA256: Array(
                    repeating: Self.digest, count: Int((each + size - 1) / size)),
                chunkBytes: size)
        }
        let report = finished(artifacts)
        #expect(fits(report))
        #expect(report.fitted == report, "nothing is cut")
    }

    @Test("Small images keep the chunks that older coordinators expect")
    func smallImages() {
        #expect(
            Artifact.chunkSizeBytes(files: 1, totalBytes: 31 << 30)
                == Int64(ProtocolLimits.artifactChunkBytes))
    }

    @Test("What a receiver can do without is cut until a report fits")
    func cuts() {
        var evidence = GuestEvidence(
            status: "running", serialTail: String(repeating: "\\x00", count: 16 << 10))
        evidence.screenshot = String(repeating: "A", count: 350_000)
        let tests = (0..<ProtocolLimits.testCases).map { index in
            TestResult(
                name: "t\(index)", result: .failed, milliseconds: 1,
                detail: String(repeating: "\"", count: ProtocolLimits.reasonBytes), logFrom: 0,
                logTo: 1)
        }
        let report = finished([], evidence: evidence, tests: tests)
        #expect(!fits(report))
        let fitted = report.fitted
        #expect(fits(fitted))
        #expect(fitted.tests?.count == tests.count)
        #expect(fitted.evidence?.screenshot != nil, "cutting the details was enough")

        let digests = Array(repeating: Self.digest, count: 20_000)
        let large = finished([
            Artifact(
                name: "a", sizeBytes: 1, sha256: Self.digest, format: .raw, chunkSHA256: digests)
        ])
        #expect(fits(large.fitted))
        #expect(large.fitted.artifacts.first?.chunkSHA256 == [])
    }

    @Test("A chunk size outside its range is a fault of the host")
    func chunkBounds() {
        for size in [Int64.min, 0, 1, .max] {
            let artifact = Artifact(
                name: "a", sizeBytes: 1, sha256: Self.digest, format: .raw, chunkBytes: size)
            #expect(finished([artifact]).problem != nil)
        }
    }
}
