import BuildProtocol
import CoordinatorCore
import Support
import TestSupport
import Testing
import TextKit

@testable import CoordinatorService

/// Logs read by line, against a slow and simple description of what their lines are.
@Suite("Logs by line") struct BuildLogsTests {
    private let store = InMemoryLogStore { SHA256.hex($0) }
    private let logs: BuildLogs
    private static let attempts = [AttemptToken(high: 1, low: 1), AttemptToken(high: 1, low: 2)]

    init() { logs = BuildLogs(logs: store) }

    private func write(_ records: [LogRecord], _ attempt: Int = 0) async throws {
        var bytes: [UInt8] = []
        for record in records {
            let escaped = String(decoding: try CanonicalJSON.encode(record.m), as: UTF8.self)
            // In the agent's own form.
            let more = record.more == true ? ",\"more\":true" : ""
            bytes +=
                "{\"t\":\(record.t),\"s\":\"\(record.s.rawValue)\",\"m\":\(escaped)\(more)}\n".utf8
        }
        try await append(bytes, attempt)
    }

    private func append(_ bytes: [UInt8], _ attempt: Int = 0) async throws {
        let token = Self.attempts[attempt]
        let size = await store.sizeBytes(token)
        #expect(await store.append(token, at: size, bytes) == size + Int64(bytes.count))
    }

    private func lines(_ wanted: ClosedRange<Int>) async throws -> [ShownLine] {
        try await logs.lines(wanted, in: try await logs.extent(of: Self.attempts))
    }

    private func search(
        _ text: String, errors: Bool = false, from: Int = 1, isBackwards: Bool = false
    ) async throws -> LogMatches {
        try await logs.search(
            LogPattern(text: text, onlyErrors: errors), in: Self.attempts, from: from,
            isBackwards: isBackwards, limit: 1000)
    }

    private static func out(_ text: String, more: Bool? = nil) -> LogRecord {
        LogRecord(t: 1, s: .out, m: text, more: more)
    }

    @Test("Lines count over all attempts, and any part of them is read as the whole is")
    func numbersAreTheBuilds() async throws {
        var random = SplitMix(seed: 7)
        for attempt in 0..<2 {
            var records: [LogRecord] = []
            for index in 0..<900 {
                let streams: [LogRecord.Stream] = [.out, .out, .out, .err, .sys]
                records.append(
                    LogRecord(
                        t: Int64(index), s: streams[Int(random.next() % 5)],
                        m: "line \(index) \u{1B}[3\(index % 8)mcoloured\u{1B}[0m",
                        more: random.next() % 3 == 0 ? true : nil))
            }
            try await write(records, attempt)
            try await append(Array("no record\n{\"t\":1,\"s\":\"out\",\"m\":\"half".utf8), attempt)
        }
        var expected: [LogLine] = []
        for attempt in Self.attempts {
            var simple = LogLines(after: expected.count)
            expected += simple.take(await store.logs[attempt] ?? [])
            if let last = simple.finish() { expected.append(last) }
        }
        let extent = try await logs.extent(of: Self.attempts)
        #expect(extent.map(\.firstLine) == [1, (extent.first?.lastLine ?? 0) + 1])
        #expect(extent.last?.lastLine == expected.count)
        for _ in 0..<60 {
            let first = 1 + Int(random.next() % UInt64(expected.count))
            let last = first + Int(random.next() % 400)
            let part = try await lines(first...last)
            let wanted = expected.filter { (first...last).contains($0.number) }
            #expect(part.map(\.number) == wanted.map(\.number))
            #expect(part.map(\.text) == wanted.map(\.text))
            #expect(part.map(\.stream) == wanted.map(\.stream))
        }
        let scattered = try await logs.lines(
            numbered: [2, 3, 300, 1000, expected.count, expected.count + 5], in: extent)
        #expect(scattered.map(\.number) == [2, 3, 300, 1000, expected.count])
        #expect(scattered.map(\.ordinal) == [1, 1, 1, 2, 2])
    }

    @Test("A log that grows has more lines, and its open line changes until it ends")
    func grows() async throws {
        try await write([Self.out("a"), Self.out("10 %\r", more: true)])
        var last = try await lines(2...9)
        #expect(last.map(\.text) == ["10 %"] && last.map(\.isOpen) == [true])
        try await write([Self.out("50 %", more: true)])
        last = try await lines(2...9)
        #expect(last.map(\.text) == ["50 %"] && last.map(\.isOpen) == [true])
        try await write([Self.out("\r100 %"), Self.out("b")])
        last = try await lines(2...9)
        #expect(last.map(\.text) == ["100 %", "b"] && last.map(\.isOpen) == [false, false])
    }

    @Test("A log that was transferred anew is read anew") func isReadAnew() async throws {
        try await write((1...700).map { Self.out("old \($0)") })
        #expect(try await lines(700...700).map(\.text) == ["old 700"])
        #expect(try await search("old").total == 700)
        await store.reset(Self.attempts[0])
        #expect(try await logs.extent(of: Self.attempts).last?.lastLine == 0)
        try await write((1...300).map { Self.out("new \($0)") })
        #expect(try await lines(300...900).map(\.text) == ["new 300"])
        #expect(try await search("old").total == 0)
    }

    @Test("A line without an end is cut, and the lines after it are whole") func cutsLongLines()
        async throws
    {
        try await write(
            (0..<100).map { _ in Self.out(String(repeating: "x", count: 30_000), more: true) }
                + [Self.out("end"), Self.out("next")])
        let both = try await lines(1...2)
        #expect(both.map(\.isCut) == [true, false])
        #expect(both.first?.text.utf8.count == LogLimits.shownCells)
        #expect(both.last?.text == "next")
        #expect(try await logs.extent(of: Self.attempts).last?.lastLine == 2)
    }

    // MARK: Search

    @Test("A search finds a text whatever its case, colours, escapes and pieces")
    func finds() async throws {
        try await write([
            Self.out("Nothing here"), Self.out("say \"Hello\" \\ twice"),
            Self.out("\u{1B}[31mhel\u{1B}[0mlo"), Self.out("hexxo\u{8}\u{8}\u{8}llo"),
            Self.out("hel", more: true), Self.out("lo"), Self.out("HELL"), Self.out("grüße"),
            Self.out("hello", more: true),
        ])
        try await write([Self.out("hello again")], 1)
        let found = try await search("hElLo")
        #expect(found.lines == [2, 3, 4, 5, 8, 9])
        #expect(found.total == 6 && found.isComplete && found.before == 0)
        #expect(try await search("\"hello\" \\").lines == [2])
        #expect(try await search("GRÜSSE").lines.isEmpty)
        #expect(try await search("GRÜßE").lines == [7])
        #expect(try await search("31m").lines.isEmpty)
        try await write([Self.out("hello", more: true)], 1)
        try await write([Self.out("!"), Self.out("HELLO")], 1)
        #expect(try await search("hello").lines == [2, 3, 4, 5, 8, 9, 10, 11])
    }

    @Test("Pages of matches, forwards and backwards, are those of a slow search") func pages()
        async throws
    {
        var random = SplitMix(seed: 3)
        let texts = (0..<1000).map { _ in random.next() % 7 == 0 ? "needle" : "hay" }
        try await write(texts.map { Self.out($0) })
        let all = texts.indices.filter { texts[$0] == "needle" }.map { $0 + 1 }
        for line in [1, 2, 63, 64, 65, 128, 500, 999, 1000, 1001, 5000] {
            let next = try await search("needle", from: line)
            #expect(next.lines == all.filter { $0 >= line }, "\(line)")
            #expect(next.before == all.count { $0 < line })
            let previous = try await search("needle", from: line, isBackwards: true)
            #expect(previous.lines == all.filter { $0 < line }, "\(line)")
            #expect(previous.total == all.count)
        }
    }

    @Test("Errors are lines that the table of error shapes knows, and the agent's last word")
    func errors() async throws {
        try await write([
            Self.out("==> mini: E: Unable to locate package foo"), Self.out("E is a letter"),
            Self.out("    mini: sh: 1: foo: not found"), Self.out("all is well"),
            LogRecord(t: 1, s: .sys, m: "failed: packerFailed: E: Unable"),
            LogRecord(t: 1, s: .sys, m: "building: E: Unable"),
        ])
        #expect(try await search("", errors: true).lines == [1, 3, 5])
        #expect(try await search("unable", errors: true).lines == [1, 5])
    }

    // MARK: Steps

    @Test("Steps follow each other without a gap, with durations and the one that failed")
    func steps() async throws {
        func at(_ seconds: Int64, _ stream: LogRecord.Stream, _ text: String) -> LogRecord {
            LogRecord(t: 1_700_000_000_000 + seconds * 1000, s: stream, m: text)
        }
        try await write([
            at(0, .sys, "preparing"), at(1, .sys, "building: packer build a.json"),
            at(2, .out, "==> mini: Retrieving ISO"), at(3, .out, "    mini: 50 %"),
            at(9, .out, "\u{1B}[1m==> mini: Provisioning with shell script: a.sh"),
            at(9, .err, "==> mini: E: no"), at(10, .out, "==> mini: Provisioning step had errors"),
            at(11, .sys, "failed: packerFailed: E: no"),
        ])
        try await write([at(20, .sys, "preparing"), at(21, .out, "x")], 1)
        let extent = try await logs.extent(of: Self.attempts)
        let steps = extent.first?.steps ?? []
        #expect(
            steps.map(\.name) == [
                "preparing", "building: packer build a.json", "Retrieving ISO",
                "Provisioning with shell script: a.sh", "Provisioning step had errors",
            ])
        #expect(steps.map(\.firstLine) == [1, 2, 3, 5, 7])
        #expect(steps.map(\.lastLine) == [1, 2, 4, 6, 8])
        #expect(steps.map(\.result) == [.passed, .passed, .passed, .failed, .failed])
        #expect(
            steps.map { ($0.endedMilliseconds ?? 0) - $0.startedMilliseconds }
                == [1000, 1000, 7000, 1000, 1000])
        #expect(extent.last?.steps.map(\.result) == [.running])
        #expect(extent.last?.steps.map(\.lastLine) == [2])
    }
}

/// Reproducible random numbers.
private struct SplitMix: RandomNumberGenerator {
    var seed: UInt64

    mutating func next() -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var z = seed
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
