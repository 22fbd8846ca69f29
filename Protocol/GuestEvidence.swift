import FoundationEssentials

/// What was observed of the guest of an attempt that did not pass: before a timer stopped it, or
/// left by one that failed by itself. Evidence comes from an untrusted guest.
public struct GuestEvidence: Sendable, Hashable, Codable {
    /// The status that QEMU reported: `running`, `paused`, `io-error` …; `nil` if QEMU could not be
    /// queried.
    public var status: String?
    /// How long the guest was watched; the next fields are what it moved meanwhile.
    @OptionalBounded<DurationBound> public var windowMilliseconds: Int64?
    @OptionalBounded<ByteBound> public var diskBytes: Int64?
    @OptionalBounded<ByteBound> public var networkBytes: Int64?
    @OptionalBounded<DurationBound> public var cpuMilliseconds: Int64?
    /// For people: what is missing, and why.
    public var notes: [String]
    /// The end of the serial console. Bytes that are not UTF-8 are written as `\xNN`.
    public var serialTail: String?
    /// The screen, as PNG in base64.
    public var screenshot: String?

    public init(
        status: String? = nil, notes: [String] = [], serialTail: String? = nil,
        screenshotPNG: [UInt8]? = nil
    ) {
        self.status = status
        self.notes = notes
        self.serialTail = serialTail
        screenshot = screenshotPNG.map { Data($0).base64EncodedString() }
    }

    /// The screen, if it is a valid PNG within the limits.
    public var screenshotPNG: [UInt8]? {
        guard let screenshot, screenshot.utf8.count <= (ProtocolLimits.screenshotBytes + 2) / 3 * 4,
            let data = Data(base64Encoded: screenshot)
        else { return nil }
        let bytes = [UInt8](data)
        return PNG.problem(bytes) == nil ? bytes : nil
    }

    /// The bounded copy that a receiver keeps: texts are cut, and an invalid picture is replaced by
    /// a note.
    public var bounded: GuestEvidence {
        var kept = self
        kept.status = status?.prefixOfUTF8(ProtocolLimits.nameBytes)
        kept.notes = notes.prefix(ProtocolLimits.evidenceNotes).map {
            $0.prefixOfUTF8(ProtocolLimits.reasonBytes)
        }
        // Escaping may have made the tail four times as long.
        kept.serialTail = serialTail?.prefixOfUTF8(4 * ProtocolLimits.serialTailBytes)
        if screenshot != nil, screenshotPNG == nil {
            kept.screenshot = nil
            kept.notes.append("the agent sent a screen that is not a PNG within the limits")
        }
        return kept
    }
}

/// Pictures are passed on without being decoded.
public enum PNG {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    private static let end: [UInt8] = [0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82]
    /// Longest side. Screens are smaller, and a browser must not be made to allocate gigabytes.
    private static let longestSide = 8192

    /// `nil` for a complete PNG of bounded size, else what is wrong with it.
    public static func problem(_ bytes: [UInt8]) -> String? {
        guard bytes.count <= ProtocolLimits.screenshotBytes else {
            return "is larger than \(ProtocolLimits.screenshotBytes >> 10) KiB"
        }
        guard bytes.count >= 45, bytes.starts(with: signature),
            bytes[12..<16].elementsEqual("IHDR".utf8), bytes.suffix(8) == end[...]
        else { return "is not a PNG" }
        let sides = [bytes[16..<20], bytes[20..<24]].map { $0.reduce(0) { $0 << 8 | Int($1) } }
        guard sides.allSatisfy({ (1...longestSide).contains($0) }) else {
            return "has \(sides[0]) × \(sides[1]) points"
        }
        return nil
    }
}
