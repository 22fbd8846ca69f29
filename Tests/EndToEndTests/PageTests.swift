import HTTPClientKit
import ProcessKit
import Support
import TestSupport
import Testing

/// Every page in a real browser, of a farm with 40 hosts: for people who do not see it, on a narrow
/// screen, in both schemes.
@Suite("Pages in a browser", .timeLimit(.minutes(10))) struct PageTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let pages = [
        "/", "/guestos", "/guestos/debian12", "/hosts", "/hosts/kvm07", "/hosts/kvm12",
        "/releases", "/deliveries", "/retention", "/search?q=deb", "/sign-in", "/style",
        "/builds/debian12-3", "/nothing",
    ]

    /// Of the demo farm's administrator, as it prints it.
    private static let token = String(repeating: "demo", count: 8)

    /// The end of a function's body; WebDriver waits for what it promises.
    private static let judge = """
        return axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] }).then(found =>
          found.violations.map(v => v.id + ": " + v.nodes.length + " times, as in "
            + v.nodes[0].html.slice(0, 160)).join("; "));
        """

    private static let opened = """
        return buildLog.isOpen.then(() => {
          document.getElementById("log").scrollTop = 0;
          return new Promise(resolve => setTimeout(() => resolve(""), 300)); });
        """

    /// One that has failed, with marked lines; one that has not ended.
    private func builds(_ base: String) async throws -> [String] {
        var pages: [String] = []
        for (state, place) in [("failed", "#L399-L401"), ("building", "")] {
            try await eventually("a build is \(state)", seconds: 60) {
                let path = "/api/v1/builds?limit=1&state=\(state)"
                let answer = try await FarmClient(base: base).get(path)
                let found = try FarmClient.decode(FarmList<FarmBuild>.self, answer).items.first
                if let id = found?.id { pages.append("/builds/\(id)\(place)") }
                return found != nil
            }
        }
        return pages
    }

    private func withDemoFarm(
        days: Int, _ body: (FarmProgram, String, Browser) async throws -> Void
    ) async throws {
        let port = try LoopbackPort.free()
        let farm = try FarmProgram(
            "aibuild-demo-farm", ["\(port)", folder.path + "/farm", "\(days)"],
            logPath: folder.path + "/log")
        let base = "http://127.0.0.1:\(port)"
        try await eventually("the demo farm serves: \(farm.log.suffix(600))", seconds: 120) {
            (try? await FarmClient(base: base).get("/healthz").status) == 200
        }
        try await body(farm, base, try await Browser.start())
    }

    @Test("No page breaks a rule of accessibility, in light and dark, or is wider than a phone")
    func everyPage() async throws {
        let axe = try await Python.axe()
        try await withDemoFarm(days: 2) { _, base, browser in
            for (scheme, width) in [("light", 1280), ("dark", 360)] {
                try await browser.show(scheme: scheme, width: width, height: 900)
                for page in Self.pages + (try await builds(base)) {
                    try await browser.open(base + page)
                    // Of the log, what the page shows, and what stands beside it when it lets go.
                    if page.hasPrefix("/builds/") { try await browser.run(Self.opened) }
                    let faults = try await browser.run(axe + ";\n" + Self.judge)
                    #expect(faults == "", "\(page) in \(scheme), \(width) px")
                    let wide = try await browser.run(
                        "const e = document.documentElement; return String(e.scrollWidth - "
                            + "e.clientWidth);")
                    #expect(wide == "0", "\(page) in \(scheme), \(width) px: wider by")
                }
            }
            // The judge does see what is wrong.
            try await browser.run("document.body.append(new Image()); return '';")
            let faults = try await browser.run(axe + ";\n" + Self.judge)
            #expect(faults.contains("image-alt"))
        }
    }

    @Test("What runs has the range in which it ends, and the builds that it is from")
    func ranges() async throws {
        try await withDemoFarm(days: 2) { _, base, _ in
            let farm = FarmClient(base: base)
            try await eventually("the overview and a busy host say it") {
                let page = FarmClient.text(try await farm.get("/"))
                let parts = page.split(separator: "<section")
                guard let running = parts.first(where: { $0.contains(">Running") }),
                    let host = running.firstMatch(of: #/href="(/hosts/[a-z0-9]+)"/#)
                else { return false }
                let range = #/[0-9]–[0-9:]+ UTC, from [0-9]+ builds? of /#
                guard running.contains(range) else { return false }
                return FarmClient.text(try await farm.get(String(host.1))).contains(range)
            }
        }
    }

    @Test("The releases show what is where, how far it is behind, and what could follow")
    func matrix() async throws {
        try await withDemoFarm(days: 2) { _, base, _ in
            let farm = FarmClient(base: base)
            try await eventually("what was released is read") {
                let page = FarmClient.text(try await farm.get("/releases"))
                return page.contains("What is where") && !page.contains("Reading what was released")
                    && page.contains(" current<") && page.contains(#/behind [0-9]+/#)
                    && !page.contains(">Release ")
            }
            let administrator = FarmClient(base: base, token: Self.token)
            let page = FarmClient.text(try await administrator.get("/releases"))
            let said = #/&quot;:&quot;(.+?):([0-9]+)&quot;,&quot;environments.+?>Release \2</#
            #expect(page.contains(said), "\(page)")
        }
    }

    @Test("The overview says that it is live, and that its coordinator is gone")
    func liveness() async throws {
        try await withDemoFarm(days: 1) { farm, base, browser in
            try await browser.open(base + "/")
            try await browser.reads("Live")
            try await browser.reads("kvm07")
            farm.kill()
            try await browser.reads("Reconnecting, as of")
            // What was there is still there.
            try await browser.reads("kvm07")
        }
    }
}
