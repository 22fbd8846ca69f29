import BuildProtocol
import CoordinatorCore
import Testing

/// What the end of a build or a release says, and how it is told.
@Suite("Notifications") struct NotificationTests {
    private func build(
        _ state: BuildState, fault: String? = nil, number: Int = 7
    ) -> Build {
        Build(
            id: "b\(number)", guestOSID: "o", guestOS: "debian", number: number, state: state,
            priority: 0, owner: "team",
            plan: BuildPlan(
                template: TemplateArchive(sha256: "", sizeBytes: 0),
                recipe: BuildRecipe(builder: .command(["x"])), requirements: Requirements(),
                limits: AttemptLimits()), updateContents: "", submittedMilliseconds: 0,
            fault: fault.map { Fault(.template, .packerFailed, $0) })
    }

    private func failed(_ fault: String? = nil, number: Int = 7) throws -> Notification {
        try #require(
            Notification(
                ended: build(.failed, fault: fault, number: number), before: nil,
                pages: "https://farm"))
    }

    @Test("A build fails, fails again, or is fixed, by the one before it")
    func kinds() {
        func kind(_ state: BuildState, _ before: BuildState?) -> Notification.Kind? {
            Notification(ended: build(state), before: before, pages: nil)?.kind
        }
        #expect(kind(.failed, nil) == .failed && kind(.failed, .passed) == .failed)
        #expect(kind(.failed, .failed) == .stillFailing)
        #expect(kind(.passed, .failed) == .fixed)
        #expect(kind(.passed, nil) == .passed && kind(.passed, .passed) == .passed)
        #expect(kind(.cancelled, .failed) == nil && kind(.building, nil) == nil)
    }

    @Test("A text has one line, with the first error and the link; a place may have its own")
    func texts() throws {
        let event = try failed("E: no package {url}\u{1B}[0m\nmore")
        var rule = NotificationRule(name: "r")
        #expect(
            rule.message([event]).text
                == "debian:7 failed: E: no package {url}\\u{1b}[0m https://farm/builds/b7")
        rule.template = MessageTemplate("{kind}: {build} of {owner}{environment}\n{reason} {url}")
        #expect(
            rule.message([event]).text
                == "failed: debian:7 of team\nE: no package {url}\\u{1b}[0m https://farm/builds/b7",
            "a value is not taken for a placeholder")
    }

    @Test("A template with a placeholder that is none is refused, with those that there are")
    func templates() {
        #expect(MessageTemplate("a } {build}").problem == nil)
        for bad in ["{builds}", "{", "{build", "x {} y", "{{build}}"] {
            let problem = MessageTemplate(bad).problem ?? ""
            #expect(problem.contains("{guest_os}, {kind}, {owner}"), "\(bad): \(problem)")
        }
    }

    @Test(
        "What a program says calls nobody, hides no link and does not change the lines that follow",
        arguments: [
            (NotificationMarkup.plain, "@here <!channel> ```[x](http://evil)*b* & #1"),
            (.chat, "@\u{200B}here <!channel> ```[x](http://evil)*b* & #1"),
            (
                .slack,
                "@\u{200B}here &lt;!channel&gt; '''[x](http://evil)*b* &amp; #1"
            ),
            (
                .markdown,
                "@\u{200B}here &lt;\\!channel&gt; \\`\\`\\`\\[x\\](http://evil)\\*b\\* &amp; \\#1"
            ),
        ])
    func markup(_ markup: NotificationMarkup, _ shown: String) throws {
        let event = try failed("@here <!channel> ```[x](http://evil)*b* & #1")
        var rule = NotificationRule(name: "r", markup: markup)
        // What the operator wrote is meant.
        rule.template = MessageTemplate("@here *{reason}* {url}")
        #expect(rule.message([event]).text == "@here *\(shown)* https://farm/builds/b7")
        #expect(rule.message([event]).title.contains("<!channel>"), "titles have no markup")
    }

    @Test("Several are one message that counts them, and names at most twenty")
    func digest() throws {
        let rule = NotificationRule(name: "r")
        let many = try (0..<24).map { try failed(number: $0) }
        let fixed = try #require(Notification(ended: build(.passed), before: .failed, pages: nil))
        let message = rule.message(many + [fixed])
        #expect(message.title == "24 failed, 1 fixed")
        #expect(message.text.hasPrefix("24 failed, 1 fixed:\ndebian:0 failed https://farm/"))
        #expect(message.text.hasSuffix("\nand 5 more"))
        #expect(message.text.split(separator: "\n").count == 22)
        #expect(rule.message([fixed]).title == "debian:7 passed: fixed")
        #expect(message.key == rule.message(many + [fixed]).key)
        #expect(message.key != rule.message(many).key)
    }

    @Test("No message is longer than its place shows", arguments: [200, 2000, 15_000])
    func length(_ bytes: Int) throws {
        let long = String(repeating: "ä&", count: 200)
        let rule = NotificationRule(name: "r", markup: .slack, textBytes: bytes)
        let many = try (0..<30).map { try failed(long, number: $0) }
        for count in [1, 2, 30] {
            let text = rule.message(Array(many.prefix(count))).text
            #expect(text.utf8.count <= bytes, "\(count): \(text.utf8.count)")
            #expect(!text.isEmpty)
        }
        #expect(rule.message(many).text.contains("more"))
    }

    @Test("A place is told its kinds, guest OSes and environments")
    func rules() throws {
        let event = try failed()
        var rule = NotificationRule(name: "r", guestOSes: ["deb*"], environments: ["prod*"])
        #expect(rule.wants(event), "a build has no environment")
        rule.guestOSes = ["ubuntu*"]
        #expect(!rule.wants(event))
        rule.guestOSes = ["*"]
        var release = event
        release.kind = .releaseFailed
        release.environment = "lab"
        #expect(!rule.wants(release))
        release.environment = "prod-1"
        #expect(rule.wants(release))
        release.kind = .released
        #expect(!rule.wants(release), "not by default")
    }
}
