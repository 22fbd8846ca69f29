import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import HTTPServerKit
import Support
import TestSupport
import Testing

/// The log on the page of a build, in a real browser.
@Suite("Log page", .timeLimit(.minutes(5))) struct LogPageTests {
    private func withPage(
        _ lines: Int, state: BuildState = .building, reason: String = "no",
        clock: any TimeSource = StoppedClock(),
        _ body: (LogFarm, Browser, String) async throws -> Void
    ) async throws {
        let farm = try await LogFarm(clock: clock)
        try await farm.begin()
        await farm.append(Self.log(lines))
        if state == .failed {
            try await farm.end(1, state, fault: Fault(.template, .packerFailed, reason))
        }
        let server = try farm.serve()
        let browser = try await Browser.start()
        do {
            try await body(farm, browser, "http://127.0.0.1:\(server.boundPort)/builds/b1")
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    /// Every 1,000th line wraps, every 100th is coloured.
    private static func log(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * 64)
        let head = Array(#"{"t":1700000000000,"s":"out","m":"line "#.utf8)
        let plain = Array(#" of the output of a program"}"#.utf8) + [0x0A]
        let long =
            Array(" ".utf8) + Array(repeating: UInt8(ascii: "w"), count: 900) + plain.dropFirst()
        let coloured =
            Array(#" \u001b[31mred\u001b[0m and \u001b[38;2;200;200;20mown"}"#.utf8) + [0x0A]
        for number in 1...max(1, count) where count > 0 {
            bytes += head
            bytes += String(number).utf8
            bytes += number % 1000 == 0 ? long : number % 100 == 0 ? coloured : plain
        }
        return bytes
    }

    /// The first and last line in sight, and whether a line is.
    private static let inSight = """
        const pane = document.getElementById('log').getBoundingClientRect();
        const seen = [...document.querySelectorAll('#log .line')].filter(row => {
          const box = row.getBoundingClientRect();
          return box.bottom > pane.top + 1 && box.top < pane.bottom - 1; });
        return seen.map(row => row.id.slice(1)).join(' ');
        """

    private func numbersInSight(_ browser: Browser) async throws -> [Int] {
        try await browser.run(Self.inSight).split(separator: " ").compactMap { Int($0) }
    }

    private func sees(_ browser: Browser, _ line: Int) async throws {
        var last: [Int] = []
        try await eventually("line \(line) is in sight; \(last) are") {
            last = try await numbersInSight(browser)
            return last.contains(line)
        }
    }

    @Test("The log opens at the line of the address, and marks the range") func opensAtTheAnchor()
        async throws
    {
        try await withPage(5000, state: .failed, reason: "E (line 42 of the log)") {
            _, browser, url in
            try await browser.open(url + "#L3210-L3212")
            try await sees(browser, 3210)
            let marked = try await browser.run(
                "return [...document.querySelectorAll('.marked')].map(r => r.id).join(' ')")
            #expect(marked == "L3210 L3211 L3212")
            try await browser.run("location.hash = '#L77'; return ''")
            try await sees(browser, 77)
        }
    }

    @Test("Without an anchor the log opens at the first error, else at its end")
    func opensAtTheErrorOrTheEnd() async throws {
        try await withPage(5000, state: .failed, reason: "E (line 42 of the log)") {
            _, browser, url in
            try await browser.open(url)
            try await sees(browser, 42)
            #expect(try await !numbersInSight(browser).contains(5000))
        }
        try await withPage(5000, state: .failed) { _, browser, url in
            try await browser.open(url)
            try await sees(browser, 5000)
        }
    }

    @Test("A search counts the matches of the whole log, and goes to each") func searches()
        async throws
    {
        try await withPage(5000, state: .failed) { _, browser, url in
            try await browser.open(url)
            try await sees(browser, 5000)
            try await browser.type("LINE 123", into: "#log-search")
            // 123 and 1230 to 1239; wrapped, as the view was behind all of them.
            try await browser.reads("1 of 11")
            try await sees(browser, 123)
            try await browser.click("#log-next")
            try await browser.reads("2 of 11")
            try await sees(browser, 1230)
            try await browser.click("#log-previous")
            try await sees(browser, 123)
            try await browser.click("#log-previous")
            try await browser.reads("11 of 11")
            try await sees(browser, 1239)
        }
    }

    @Test("Follow keeps the end in sight, lets go when scrolled up, and resumes") func follows()
        async throws
    {
        try await withPage(3000) { farm, browser, url in
            try await browser.open(url)
            try await sees(browser, 3000)
            try await farm.write(["new 1", "new 2"])
            try await sees(browser, 3002)
            let first = "return getComputedStyle(document.getElementById('log-error')).display"
            #expect(try await browser.run(first) == "none", "there is no error to go to")
            try await browser.run("document.getElementById('log').scrollTop -= 400; return ''")
            try await browser.reads("Paused.")
            let before = try await numbersInSight(browser)
            try await farm.write((1...214).map { "more \($0)" })
            try await browser.reads("Paused, 214 new lines.")
            #expect(try await numbersInSight(browser) == before)
            try await browser.click("#log-resume")
            try await sees(browser, 3216)
            try await farm.write(["last"])
            try await sees(browser, 3217)
        }
    }

    @Test("A line that grows is shown as it is now") func openLine() async throws {
        try await withPage(10) { farm, browser, url in
            try await browser.open(url)
            try await sees(browser, 10)
            for percent in [10, 60] {
                try await farm.write([
                    LogRecord(t: 1, s: .out, m: "\rprogress \(percent) %", more: true)
                ])
                try await browser.reads("progress \(percent) %")
            }
            try await farm.write([LogRecord(t: 1, s: .out, m: "\rprogress 100 %")])
            try await browser.reads("progress 100 %")
            #expect(try await browser.run("return '' + buildLog.view.rows.length") == "11")
        }
    }

    @Test("Errors only, and collapsed steps, leave out the rest and keep the numbers")
    func leavesOut() async throws {
        try await withPage(0) { farm, browser, url in
            try await farm.write([LogRecord(t: 1_700_000_000_000, s: .sys, m: "preparing")])
            try await farm.write(["==> mini: Step one"] + (1...500).map { "one \($0)" })
            try await farm.write(["==> mini: Step two", "E: broken", "two"])
            try await browser.open(url)
            try await sees(browser, 505)
            try await browser.click("#log-errors")
            try await browser.reads("1 of 505 lines.")
            try await eventually("only the error is in sight") {
                try await numbersInSight(browser) == [504]
            }
            try await browser.click("#log-errors")
            try await sees(browser, 504)
            try await browser.click("#log-fold")
            try await eventually("the steps are collapsed") {
                try await numbersInSight(browser) == [1, 2, 503]
            }
            try await browser.reads("500 lines hidden")
        }
    }

    @Test("A log of a million lines has a bounded number of lines in the page, wherever it is")
    func aMillionLines() async throws {
        try await withPage(1_000_000, state: .failed) { _, browser, url in
            try await browser.open(url + "#L500000")
            try await sees(browser, 500_000)
            for share in ["0", "0.25", "0.9999", "1", "0.5"] {
                try await browser.run(
                    """
                    const pane = document.getElementById('log');
                    pane.scrollTop = \(share) * (pane.scrollHeight - pane.clientHeight);
                    return '';
                    """)
                try await eventually("lines are in sight at \(share)") {
                    let lines = try await numbersInSight(browser)
                    let wanted = (try Double(share) ?? { throw Failure(share) }()) * 1_000_000
                    return lines.contains { abs(Double($0) - wanted) < 20_000 }
                }
                let count = try await browser.run(
                    "return '' + document.querySelectorAll('#log .line').length")
                #expect((1...2000).contains(Int(count) ?? 0), "\(count)")
            }
        }
    }

    @Test("What a program colours can be read in both schemes") func contrast() async throws {
        try await withPage(0, state: .building) { farm, browser, url in
            let e = "\u{1B}"
            var texts = (0..<8).flatMap { ["\(e)[3\($0)mx", "\(e)[9\($0)mx", "\(e)[4\($0)mx"] }
            texts += (16..<256).flatMap { ["\(e)[38;5;\($0)mx", "\(e)[48;5;\($0)mx"] }
            texts += ["\(e)[2mx", "\(e)[7mx", "\(e)[31;7mx", "\(e)[2;33mx"]
            try await farm.write(texts)
            try await farm.write([
                LogRecord(t: 1, s: .err, m: "x"), LogRecord(t: 1, s: .sys, m: "x", k: .masked),
            ])
            for (scheme, place) in [
                ("light", ""), ("dark", ""), ("light", "#L1-L510"), ("dark", "#L1-L510"),
            ] {
                try await browser.show(scheme: scheme, width: 1280, height: 900)
                try await browser.open(url + place)
                try await sees(browser, place.isEmpty ? 510 : 1)
                try await eventually("all lines are there") {
                    try await browser.run("return '' + buildLog.view.rows.length") == "510"
                }
                let worst = try await browser.run(
                    """
                    const numbers = text => text.match(/[\\d.]+/g).map(Number);
                    const back = element => {
                      const color = numbers(getComputedStyle(element).backgroundColor);
                      return color[3] === 0 ? back(element.parentElement) : color; };
                    const spans = [...document.querySelectorAll('#log .x, #log .x span')];
                    const found = spans.filter(span => !span.querySelector('span')).map(span => {
                      const color = numbers(getComputedStyle(span).color);
                      return [LogRow.contrast(color.slice(0, 3), back(span).slice(0, 3)),
                        span.outerHTML]; });
                    found.sort((a, b) => a[0] - b[0]);
                    if (found.length < 500) return 'few';
                    return found[0][0] < 4.5 ? found[0].join(' ') : '';
                    """)
                #expect(worst == "", "\(scheme) \(place): \(worst)")
            }
        }
    }
}
