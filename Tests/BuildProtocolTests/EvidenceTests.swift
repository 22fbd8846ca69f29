import BuildProtocol
import FoundationEssentials
import Testing

/// What an agent says of a guest is a stranger's, and fits a line whatever it is.
@Suite struct EvidenceTests {
    /// One white point.
    static let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAA"
        + "AgABSK+kcQAAAABJRU5ErkJggg=="

    private var picture: [UInt8] { Data(base64Encoded: Self.png).map { [UInt8]($0) } ?? [] }

    /// A picture of so many bytes.
    private func padded(_ size: Int) -> [UInt8] {
        picture.dropLast(12) + [UInt8](repeating: 0x61, count: size - picture.count)
            + picture.suffix(12)
    }

    @Test("Only a complete PNG within the limits is accepted as a screenshot") func pictures() {
        #expect(PNG.problem(picture) == nil)
        #expect(PNG.problem(padded(ProtocolLimits.screenshotBytes)) == nil)
        #expect(PNG.problem(padded(ProtocolLimits.screenshotBytes + 1)) == "is larger than 256 KiB")
        #expect(PNG.problem([]) == "is not a PNG")
        #expect(PNG.problem(Array("<svg onload=alert(1)>".utf8) + picture) == "is not a PNG")
        #expect(PNG.problem(picture.dropLast()) == "is not a PNG", "a part of one")
        var other = picture
        other[0] = 0x3C
        #expect(PNG.problem(other) == "is not a PNG", "a wrong signature")
        var huge = picture
        huge[18] = 0x40
        #expect(PNG.problem(huge) == "has 16385 × 1 points")
        huge = picture
        huge[19] = 0
        #expect(PNG.problem(huge) == "has 0 × 1 points")
    }

    @Test("Evidence is cut to its bounds, and what is dropped is noted") func bounds() {
        var evidence = GuestEvidence(
            status: String(repeating: "s", count: 1000),
            notes: [String](repeating: String(repeating: "n", count: 10_000), count: 100),
            serialTail: String(repeating: "t", count: 1 << 20))
        evidence.screenshot = "no base64 \u{1}"
        let kept = evidence.bounded
        #expect(kept.status?.utf8.count == ProtocolLimits.nameBytes)
        #expect(kept.notes.count == ProtocolLimits.evidenceNotes + 1)
        #expect(kept.notes.last?.contains("not a PNG") == true)
        #expect(kept.serialTail?.utf8.count == 4 * ProtocolLimits.serialTailBytes)
        #expect(kept.screenshot == nil)
        evidence.screenshot = String(repeating: "A", count: 1 << 20)
        #expect(evidence.bounded.screenshot == nil)
        #expect(GuestEvidence(screenshotPNG: picture).bounded.screenshotPNG == picture)
    }

    /// The largest of everything, escaped as badly as can be.
    @Test("The largest evidence fits a line") func largest() throws {
        let reason = String(repeating: "\u{1}", count: ProtocolLimits.reasonBytes)
        let finished = Finished(
            attempt: AttemptToken(high: 1, low: 2),
            outcome: Outcome(fault: Fault(.template, .guestHung, reason)),
            logBytes: ByteBound.range.upperBound,
            logSHA256: String(repeating: "a", count: 64), artifacts: [],
            startedUnixMilliseconds: UnixTimeBound.range.upperBound,
            endedUnixMilliseconds: UnixTimeBound.range.upperBound,
            evidence: GuestEvidence(
                status: "running", notes: [reason, reason],
                serialTail: String(repeating: "\u{1}", count: ProtocolLimits.serialTailBytes),
                screenshotPNG: padded(ProtocolLimits.screenshotBytes)))
        let line = try LineCodec.encode(AgentMessage.finished(finished))
        #expect(line.count < ProtocolLimits.lineBytes)
        #expect(
            try LineCodec.decode(AgentMessage.self, from: line.dropLast()) == .finished(finished))
    }

    /// An agent of yesterday sends none.
    @Test("Evidence is optional, as older agents send none") func missing() throws {
        let finished = Finished(
            attempt: AttemptToken(high: 1, low: 2), outcome: Outcome(), logBytes: 0,
            logSHA256: "", artifacts: [], startedUnixMilliseconds: 0, endedUnixMilliseconds: 0)
        let line = try LineCodec.encode(AgentMessage.finished(finished))
        #expect(!String(decoding: line, as: UTF8.self).contains("evidence"))
    }
}
