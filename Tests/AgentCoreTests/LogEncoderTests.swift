@testable import AgentCore
import BuildProtocol
import FoundationEssentials
import Testing

@Suite struct LogEncoderTests {
    /// Encodes `pieces` one after the other, as they might arrive from a pipe.
    private func encode(_ pieces: [[UInt8]]) -> [UInt8] {
        var encoder = LogEncoder(.out)
        var records: [UInt8] = []
        for piece in pieces {
            piece.withUnsafeBytes { encoder.push($0, unixMilliseconds: 5, into: &records) }
        }
        encoder.finish(unixMilliseconds: 5, into: &records)
        return records
    }

    private func decode(_ records: [UInt8]) throws -> [LogRecord] {
        try records.split(separator: 0x0A).map {
            try JSONDecoder().decode(LogRecord.self, from: Data($0))
        }
    }

    @Test(
        "Each line becomes one JSON record",
        arguments: [
            ("hello\n", #"{"t":5,"s":"out","m":"hello"}"#),
            ("a\"b\\c\t\r\n", #"{"t":5,"s":"out","m":"a\"b\\c\t\r"}"#),
            ("no newline", #"{"t":5,"s":"out","m":"no newline"}"#),
            ("\n", #"{"t":5,"s":"out","m":""}"#),
            ("\u{1B}[31mrot\u{1B}[0m\n", #"{"t":5,"s":"out","m":"\u001b[31mrot\u001b[0m"}"#),
            ("a\0b\n", #"{"t":5,"s":"out","m":"a\u0000b"}"#),
            ("安装 🙂\n", #"{"t":5,"s":"out","m":"安装 🙂"}"#),
        ])
    func linesBecomeJSONRecords(text: String, record: String) {
        #expect(String(decoding: encode([Array(text.utf8)]), as: UTF8.self) == record + "\n")
    }

    @Test(
        "Invalid UTF-8 is escaped byte by byte",
        arguments: [
            ([0xFF, 0x41], #"\\xffA"#), ([0xC3], #"\\xc3"#), ([0xC3, 0x28], #"\\xc3("#),
            // overlong, surrogate, beyond the last character, lone continuation
            ([0xC0, 0xAF], #"\\xc0\\xaf"#), ([0xED, 0xA0, 0x80], #"\\xed\\xa0\\x80"#),
            ([0xF4, 0x90, 0x80, 0x80], #"\\xf4\\x90\\x80\\x80"#), ([0x80], #"\\x80"#),
            ([0xF0, 0x9F, 0x99, 0x82], "🙂"), ([0xE2, 0x82], #"\\xe2\\x82"#),
        ])
    func invalidUTF8IsEscaped(bytes: [UInt8], text: String) {
        let record = String(decoding: encode([bytes + [0x0A]]), as: UTF8.self)
        #expect(record == #"{"t":5,"s":"out","m":""# + text + "\"}\n")
    }

    @Test("A piece of an unfinished line continues in the next record") func flushesPieces() {
        var encoder = LogEncoder(.out)
        var records: [UInt8] = []
        func push(_ bytes: [UInt8]) {
            bytes.withUnsafeBytes { encoder.push($0, unixMilliseconds: 5, into: &records) }
        }
        func flush() { encoder.flush(unixMilliseconds: 5, into: &records) }
        let prefix = #"{"t":5,"s":"out","m":""#
        flush()
        #expect(records == [] && !encoder.hasPartialLine)
        // A character that is cut stays until it is whole.
        push(Array("a?".utf8) + [0xE2, 0x82])
        flush()
        push([0xAC, 0x0A])
        #expect(
            String(decoding: records, as: UTF8.self)
                == prefix + "a?\",\"more\":true}\n" + prefix + "€\"}\n")
        records = []
        push(Array("b".utf8))
        flush()
        flush()
        encoder.finish(unixMilliseconds: 5, into: &records)
        #expect(
            String(decoding: records, as: UTF8.self)
                == prefix + "b\",\"more\":true}\n" + prefix + "\"}\n")
    }

    @Test("Empty input gives no records") func emptyInputHasNoRecords() {
        #expect(encode([]) == [])
        #expect(encode([[]]) == [])
    }

    /// The records are the same however the input is divided.
    @Test("Records do not depend on how the input was chunked", arguments: 0..<20)
    func chunkingDoesNotMatter(seed: UInt64) throws {
        var random = SplitMix(seed)
        let bytes = (0..<Int(random.next() % 4000)).map { _ -> UInt8 in
            switch random.next() % 8 {
            case 0: 0x0A
            case 1: UInt8(truncatingIfNeeded: random.next())
            case 2: [0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x99][Int(random.next() % 6)]
            default: UInt8(0x20 + random.next() % 0x5F)
            }
        }
        let whole = encode([bytes])
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int(random.next() % 40)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(encode(pieces) == whole)
        #expect(
            try decode(whole).count == bytes.split(
                separator: 0x0A, omittingEmptySubsequences: false
            ).count - (bytes.last == 0x0A || bytes.isEmpty ? 1 : 0))
    }

    @Test("Long lines are split into pieces marked `more`", arguments: [1, 3, 4096, 1 << 20])
    func longLinesAreSplit(pieceBytes: Int) throws {
        let limit = ProtocolLimits.logRecordTextBytes
        let line = String(repeating: "äb\0", count: 30_000)
        let bytes = Array((line + "\nnext\n").utf8)
        let pieces = stride(from: 0, to: bytes.count, by: pieceBytes).map {
            Array(bytes[$0..<min($0 + pieceBytes, bytes.count)])
        }
        let records = try decode(encode(pieces))
        #expect(records.count > 3)
        #expect(records.allSatisfy { $0.m.utf8.count <= limit })
        #expect(records.dropLast(2).allSatisfy { $0.more == true })
        #expect(records.suffix(2).allSatisfy { $0.more == nil })
        #expect(records.dropLast().map(\.m).joined() == line)
        #expect(records.last?.m == "next")
    }

    @Test("Escaped bytes count towards the record limit")
    func escapedBytesCountTowardsLimit() throws {
        let records = try decode(encode([[UInt8](repeating: 0xFF, count: 100_000)]))
        #expect(records.allSatisfy { $0.m.utf8.count <= ProtocolLimits.logRecordTextBytes })
        #expect(records.map(\.m.utf8.count).reduce(0, +) == 400_000)
    }

    @Test("A text is logged as one record per line")
    func textIsLoggedByLine() throws {
        var records: [UInt8] = []
        LogEncoder.append("a\nb", stream: .sys, unixMilliseconds: 1, into: &records)
        LogEncoder.append("", stream: .sys, unixMilliseconds: 1, into: &records)
        #expect(try decode(records).map(\.m) == ["a", "b", ""])
    }
}

@Suite struct LogCapTests {
    private func line(_ number: Int) -> [UInt8] { Array("line \(number)\n".utf8) }

    @Test("A log below its limit is not capped") func smallLogIsUncapped() {
        var cap = LogCap(limitBytes: 1 << 20)
        let admitted = cap.admit(line(1))
        #expect(admitted.bytes == line(1).count)
        #expect(!admitted.becameFull)
        #expect(cap.finish() == nil)
    }

    @Test("A capped log keeps head and tail and counts the lines between")
    func headAndTailAreKept() throws {
        let limit: Int64 = 20_000
        var cap = LogCap(limitBytes: limit)
        var file: [UInt8] = []
        for start in stride(from: 0, to: 100_000, by: 7) {
            let records = (start..<start + 7).flatMap { line($0) }
            let (count, becameFull) = cap.admit(records)
            file += records.prefix(count)
            if becameFull { file += Array((cap.fullNotice + "\n").utf8) }
        }
        let kept = cap.finish()
        let (notice, tail) = try #require(kept)
        file += Array((notice + "\n").utf8) + tail
        #expect(file.count <= limit)
        let lines = String(decoding: file, as: UTF8.self).split(separator: "\n")
        #expect(lines.first == "line 0")
        #expect(lines.last == "line 100001")
        #expect(tail.count > 9_900)
        // The dropped and the logged bytes add up to the input.
        let dropped = try #require(Int(notice.prefix { $0.isNumber }))
        #expect(dropped + lines.count { $0.hasPrefix("line ") } == 100_002)
    }

    /// Followers see that it is alive, at ever longer intervals.
    @Test("A full log reports progress at doubling intervals")
    func progressNoticesBackOff() {
        var cap = LogCap(limitBytes: 20_000)
        #expect(cap.progress(nowMilliseconds: 0) == nil, "the log is not full")
        for number in 0..<10_000 { _ = cap.admit(line(number)) }
        #expect(cap.isFull)
        let day: Int64 = 24 * 3600 * 1000
        let said = stride(from: Int64(0), to: 4 * day, by: 1000).filter { now in
            cap.progress(nowMilliseconds: now)?.contains("dropped so far") == true
        }
        #expect(said.prefix(3) == [10_000, 30_000, 70_000])
        #expect(said.count == 15)
    }

    @Test("A line longer than the tail is dropped")
    func lineLongerThanTailIsDropped() {
        var cap = LogCap(limitBytes: 2_000)
        _ = cap.admit([UInt8](repeating: 0x61, count: 5_000) + [0x0A])
        _ = cap.admit(Array("end\n".utf8))
        let kept = cap.finish()
        #expect(kept?.tail == Array("end\n".utf8))
    }
}

/// A small seeded generator; a failing test reports the seed.
struct SplitMix {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
