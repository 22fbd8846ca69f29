import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import FoundationEssentials
import HTTPTypes
import Testing

/// The log of a build by line, as the API answers.
@Suite("Log routes") struct LogRouteTests {
    private struct Lines: Decodable {
        struct Line: Decodable, Equatable {
            struct Style: Decodable, Equatable {
                var from, to: Int
                var color, background: String?
                var bold: Bool?
            }
            var number, attempt: Int
            var stream, time, text: String
            var kind: String?
            var styles: [Style]?
            var open: Bool?
        }
        struct Part: Decodable { var ordinal, firstLine, lastLine: Int }
        var total: Int
        var attempts: [Part]
        var lines: [Line]
    }

    private func lines(_ farm: LogFarm, _ query: String = "") async throws -> Lines {
        let answer = try await farm.api.ask("GET", LogFarm.path + "/lines" + query)
        try #require(answer.status == 200, "\(answer.text)")
        return try JSONDecoder().decode(Lines.self, from: Data(answer.bytes))
    }

    @Test("Lines have numbers over all attempts, times, kinds and styles") func linesOfAttempts()
        async throws
    {
        let farm = try await LogFarm()
        try await farm.begin(1)
        try await farm.write([
            LogRecord(t: 1_700_000_000_000, s: .out, m: "a \u{1F600} \u{1B}[1;31mred\u{1B}[0m b"),
            LogRecord(t: 1_700_000_001_500, s: .sys, m: "dropped", k: .truncated),
        ])
        try await farm.end(1, .queued)
        try await farm.begin(2)
        try await farm.write([LogRecord(t: 1, s: .err, m: "open", more: true)], 2)
        let all = try await lines(farm)
        #expect(all.total == 3)
        #expect(all.attempts.map(\.firstLine) == [1, 3] && all.attempts.map(\.lastLine) == [2, 3])
        #expect(all.lines.map(\.number) == [1, 2, 3] && all.lines.map(\.attempt) == [1, 1, 2])
        #expect(all.lines.map(\.stream) == ["out", "sys", "err"])
        #expect(all.lines.map(\.kind) == [nil, "truncated", nil])
        #expect(all.lines.map(\.open) == [nil, nil, true])
        #expect(all.lines.first?.text == "a \u{1F600} red b")
        // An emoji counts twice in JavaScript.
        #expect(all.lines.first?.styles == [.init(from: 5, to: 8, color: "red", bold: true)])
        #expect(all.lines[1].time == "2023-11-14T22:13:21.500Z")
        #expect(try await lines(farm, "?from=2&count=1").lines.map(\.number) == [2])
        #expect(try await lines(farm, "?ranges=1-1,3-9").lines.map(\.number) == [1, 3])
        #expect(try await lines(farm, "?from=99").lines.isEmpty)
    }

    @Test(
        "What no log has is refused with what to send",
        arguments: [
            "/lines?from=0", "/lines?from=-1", "/lines?count=0", "/lines?count=1001",
            "/lines?ranges=", "/lines?ranges=5-4", "/lines?ranges=1-3,3-4", "/lines?ranges=1-1001",
            "/lines?ranges=1-9999999999999999", "/lines?ranges=a-b", "/search", "/search?q=",
            "/search?errors=maybe", "/search?q=x&before=0", "/search?q=x&count=10001",
        ])
    func refused(query: String) async throws {
        let farm = try await LogFarm()
        let answer = try await farm.api.ask("GET", LogFarm.path + query)
        #expect(answer.status == 400, "\(answer.text)")
        #expect(answer.text.contains("remedy"), "\(answer.text)")
    }

    @Test("A search tells how many match, which, and how many before them") func search()
        async throws
    {
        let farm = try await LogFarm()
        try await farm.begin()
        try await farm.write((1...100).map { $0 % 10 == 0 ? "a Needle" : "hay" })
        let answer = try await farm.api.ask(
            "GET", LogFarm.path + "/search?q=needle&from=31&count=2")
        #expect(
            answer.text == #"{"before":3,"isComplete":true,"lines":[40,50],"#
                + #""searchedLines":100,"total":10}"#)
        let before = try await farm.api.ask(
            "GET", LogFarm.path + "/search?q=needle&before=30&count=1")
        #expect(before.text.contains(#""before":1,"isComplete":true,"lines":[20]"#))
    }

    @Test("A step that nobody ended is interrupted once its attempt is over") func steps()
        async throws
    {
        let farm = try await LogFarm()
        try await farm.begin()
        try await farm.write([LogRecord(t: 5, s: .sys, m: "preparing")])
        let running = try await farm.api.ask("GET", LogFarm.path + "/steps")
        #expect(running.text.contains(#""result":"running""#), "\(running.text)")
        try await farm.end(1, .failed, fault: Fault(.infrastructure, .hostLost, "lost"))
        let ended = try await farm.api.ask("GET", LogFarm.path + "/steps")
        #expect(ended.text.contains(#""result":"interrupted""#), "\(ended.text)")
        #expect(ended.text.contains(#""firstLine":1,"lastLine":1,"name":"preparing""#))
    }

    @Test("A queued build has no lines") func queued() async throws {
        let farm = try await LogFarm()
        #expect(try await lines(farm).total == 0)
        let steps = try await farm.api.ask("GET", LogFarm.path + "/steps")
        #expect(steps.text == #"{"items":[]}"#)
        let matches = try await farm.api.ask("GET", LogFarm.path + "/search?q=x")
        #expect(matches.text.contains(#""isComplete":true"#))
    }

    @Test("Without a script the page has the end of the log, as text") func serverRendered()
        async throws
    {
        let farm = try await LogFarm()
        try await farm.begin()
        try await farm.write((1...250).map { "line \($0) <b>" })
        let page = try await farm.api.ask("GET", "/builds/b1").text
        #expect(page.contains("The last 200 of 250 lines."))
        #expect(page.contains("id=\"L51\"") && page.contains("id=\"L250\""))
        #expect(!page.contains("id=\"L50\""))
        #expect(page.contains("line 250 &lt;b&gt;") && !page.contains("line 250 <b>"))
        #expect(page.contains("data-total=\"250\"\ndata-live=\"true\" data-error=\"\""))
    }

    @Test("The page knows the line of the first error from the reason") func firstErrorLine()
        async throws
    {
        let farm = try await LogFarm()
        try await farm.begin()
        try await farm.write((1...250).map { "line \($0)" })
        let reason =
            "the step failed: E: (line 7 of the log) (line 42 of the log)\nline 9 of the log"
        try await farm.end(1, .failed, fault: Fault(.template, .packerFailed, reason))
        let page = try await farm.api.ask("GET", "/builds/b1").text
        #expect(page.contains("data-live=\"false\" data-error=\"42\""))
        #expect(page.contains("First error: line 42"))
    }

    @Test("A follower that shows lines is told how many there are, not what they say")
    func counts() async throws {
        let farm = try await LogFarm()
        try await farm.begin()
        try await farm.write(["one", "two"])
        let stream = try await farm.api.ask("GET", "/api/v1/builds/b1/events?log=count").stream()
        let first = try #require(await stream.next())
        #expect(first.contains("event: state\n"))
        #expect(
            first.hasSuffix("event: lines\ndata: {\"sizeBytes\":80,\"total\":2}\n\n"), "\(first)")
        #expect(await stream.next() == "event: alive\ndata: {}\n\n")
        try await farm.write([LogRecord(t: 1_700_000_000_000, s: .out, m: "three", more: true)])
        let second = try #require(await stream.next())
        #expect(second.contains("\"total\":3") && !second.contains("three"))
        try await farm.end(1, .failed, fault: Fault(.template, .packerFailed, "no"))
        let end = try #require(await stream.next())
        #expect(end.contains("event: end\n"))
        #expect(await stream.next() == nil)
        let wrong = try await farm.api.ask("GET", "/api/v1/builds/b1/events?log=all")
        #expect(wrong.status == 400)
    }
}
