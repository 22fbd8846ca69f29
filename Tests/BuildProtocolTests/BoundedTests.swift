import BuildProtocol
import FoundationEssentials
import Testing

/// Numbers from the other side of the wire, from a template or from an older version's row.
@Suite struct BoundedTests {
    static let extremes = [
        "-9223372036854775808", "9223372036854775807", "-1", "4611686018427387904", "1e300",
        "-1e300",
    ]

    @Test("No number of a message is outside its range once it is decoded", arguments: extremes)
    func hostileNumbersAreBounded(extreme: String) throws {
        let document = try ProtocolDocument()
        var replaced = 0
        for kind in ["agent", "coordinator"] {
            for line in document.messages(kind) {
                for place in Self.numbers(in: line) {
                    let hostile =
                        Array(line[..<place.lowerBound]) + Array(extreme.utf8)
                        + line[place.upperBound...]
                    replaced += 1
                    let decoded: any Encodable
                    do {
                        decoded =
                            kind == "agent"
                            ? try LineCodec.decode(AgentMessage.self, from: hostile)
                            : try LineCodec.decode(CoordinatorMessage.self, from: hostile)
                    } catch is ProtocolError { continue }
                    let kept = try LineCodec.encode(decoded)
                    for number in Self.numbers(in: kept) {
                        let text = String(decoding: kept[number], as: UTF8.self)
                        let value = try #require(Int64(text), "\(text)")
                        #expect(
                            abs(value) <= 1 << 53, "\(String(decoding: hostile, as: UTF8.self))")
                    }
                }
            }
        }
        #expect(replaced > 50)
    }

    @Test("Sums over a thousand reports of hostile hosts do not overflow", arguments: extremes)
    func hostileReportsCanBeAddedUp(extreme: String) throws {
        let line = Array(
            """
            {"type":"host","slots":\(extreme),"vcpus":\(extreme),"memoryBytes":\(extreme),\
            "diskFreeBytes":\(extreme),"diskTotalBytes":\(extreme),"accelerators":[],"tags":[],\
            "baseImages":[],"unixMilliseconds":\(extreme),"notices":[]}
            """.utf8)
        guard case .host(let report) = try LineCodec.decode(AgentMessage.self, from: line) else {
            Issue.record("no report")
            return
        }
        let numbers = [
            Int64(report.slots), Int64(report.vcpus), report.memoryBytes, report.diskFreeBytes,
            report.diskTotalBytes, report.unixMilliseconds,
        ]
        for number in numbers {
            #expect(number >= 0)
            #expect(!number.multipliedReportingOverflow(by: 1_000).overflow)
        }
    }

    @Test("A missing number stays missing, and is not written")
    func missingNumbers() throws {
        struct Body: Codable, Equatable {
            @OptionalBounded<ByteBound> var size: Int64?
        }
        let body = try JSONDecoder().decode(Body.self, from: Data("{}".utf8))
        #expect(body.size == nil)
        #expect(String(decoding: try JSONEncoder().encode(body), as: UTF8.self) == "{}")
        let null = try JSONDecoder().decode(Body.self, from: Data(#"{"size":null}"#.utf8))
        #expect(null == body)
        let given = try JSONDecoder().decode(Body.self, from: Data(#"{"size":5}"#.utf8))
        #expect(given.size == 5)
        #expect(String(decoding: try JSONEncoder().encode(given), as: UTF8.self) == #"{"size":5}"#)
    }

    @Test(
        "A text or a fraction in the place of a number is refused",
        arguments: [#"{"size":"5"}"#, #"{"size":1.5}"#, #"{"size":true}"#, #"{"size":null}"#])
    func otherTypesAreRefused(text: String) {
        struct Body: Codable { @Bounded<ByteBound> var size: Int64 }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Body.self, from: Data(text.utf8))
        }
    }

    @Test(
        "What a working agent never reports is a problem of its message",
        arguments: [Int64.max, .min, -1, 1 << 62])
    func impossibleResults(number: Int64) {
        func finished(
            log: Int64 = 1, size: Int64 = 1, virtual: Int64? = nil, ended: Int64 = 1
        ) -> Finished {
            Finished(
                attempt: AttemptToken(high: 1, low: 1), outcome: Outcome(), logBytes: log,
                logSHA256: "",
                artifacts: [
                    Artifact(
                        name: "a", sizeBytes: size, sha256: "", format: .raw,
                        virtualSizeBytes: virtual)
                ], startedUnixMilliseconds: 0, endedUnixMilliseconds: ended)
        }
        #expect(finished().problem == nil)
        #expect(finished(log: number).problem != nil)
        #expect(finished(size: number).problem?.contains("'a'") == true)
        #expect(finished(virtual: number).problem?.contains("'a'") == true)
        #expect(finished(ended: number).problem != nil)
    }

    @Test("What people send is refused with the range, and with the place of the number")
    func strictDecoding() throws {
        struct Form: Codable { @Bounded<PortBound> var port: Int }
        let decoder = JSONDecoder()
        decoder.userInfo = BoundedDecoding.refusing
        #expect(try decoder.decode(Form.self, from: Data(#"{"port":22}"#.utf8)).port == 22)
        let error = try #require(throws: DecodingError.self) {
            try decoder.decode(Form.self, from: Data(#"{"port":99999}"#.utf8))
        }
        guard case .dataCorrupted(let context) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(context.codingPath.map(\.stringValue) == ["port"])
        #expect(context.debugDescription == "use a number from 1 to 65535")
    }

    @Test("Texts are cut, and control characters shown, while they are decoded")
    func boundedTexts() throws {
        let long = String(repeating: "x", count: 1 << 20)
        let line = Array(
            #"{"type":"error","code":"internal","message":"a\r\u0000b\n\tc\#(long)"}"#.utf8)
        guard case .error(let report) = try LineCodec.decode(AgentMessage.self, from: line) else {
            Issue.record("no report")
            return
        }
        #expect(report.message.hasPrefix("a\\u{d}\\u{0}b\n\tc"))
        #expect(report.message.utf8.count == ProtocolLimits.reasonBytes)
    }

    @Test("A sum that would overflow stops at the end of its type")
    func clampedSums() {
        #expect([Int64.max, 1].clampedSum() == .max)
        #expect([Int64.min, -1].clampedSum() == .min)
        #expect([1, 2, 3].clampedSum() == 6)
        #expect([Int]().clampedSum() == 0)
    }

    /// The places of the numbers in a line of JSON.
    private static func numbers(in line: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var isInText = false
        var index = 0
        while index < line.count {
            switch line[index] {
            case UInt8(ascii: "\\") where isInText: index += 1
            case UInt8(ascii: "\""): isInText.toggle()
            case UInt8(ascii: "-") where !isInText, 48...57 where !isInText:
                let end =
                    line[index...].firstIndex { !"-+.eE0123456789".utf8.contains($0) } ?? line.count
                found.append(index..<end)
                index = end - 1
            default: break
            }
            index += 1
        }
        return found
    }
}
