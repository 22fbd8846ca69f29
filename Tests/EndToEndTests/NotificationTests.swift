import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing
import TextKit

/// A coordinator that tells people what happened.
@Suite("Notifications", .timeLimit(.minutes(5))) struct NotificationTests {
    private static let secret = "c0ffeec0ffeec0ffee"

    @Test("A failed build is told to a chat and by mail, and the command line shows it")
    func told() async throws {
        let posted = Mutex<[HTTPRequest]>([])
        let chat = HTTPServer(host: "127.0.0.1", port: 0) { request in
            posted.withLock { $0.append(request) }
            return HTTPResponse(status: 200)
        }
        try chat.start()
        let folder = try TemporaryFolder()
        let certificates = try await TestCertificates(in: folder.path + "/c")
        let mail = try await FakeMailServer.start(
            tls: .started, certificates, login: ("aibuild", "correct horse"))
        let url = "http://127.0.0.1:\(chat.boundPort)/services/\(Self.secret)"
        let hook = "http://127.0.0.1:\(chat.boundPort)/hook"
        try Files.replace(folder.path + "/url", with: url.utf8, mode: 0o600)
        try Files.replace(folder.path + "/dead", with: "http://127.0.0.1:1/\(Self.secret)".utf8)
        try Files.replace(folder.path + "/password", with: "correct horse\n".utf8, mode: 0o600)
        let setup = Farm.Setup {
            $0.coordinatorLines = [
                "notifications:",
                "  team-chat: {type: slack, url_file: \(folder.path)/url}",
                "  program: {type: webhook, url: \"\(hook)\", secret_file: \(folder.path)/url}",
                "  dead: {type: mattermost, url_file: \(folder.path)/dead, environments: [\"p*\"]}",
                "  on-call: {type: mail, smtp: \"\(mail.url)\", user: aibuild,",
                "    password_file: \(folder.path)/password, from: aibuild@example.org,",
                "    to: [a@example.org], ca_file: \(certificates.folder)/ca.pem,",
                "    guest_oses: [\"bad*\"], text: \"{build} {kind}: {reason}\"}",
            ]
        }
        try await withFarm(setup) { farm in
            try await farm.template("bad", "builder: command\ncommand: [\"false\"]\n")
            let none = try await farm.aibuild(["notifications"])
            #expect(none.out.contains("team-chat") && none.out.contains("to p*"), "\(none.out)")
            let build = try await farm.api.submit("bad")
            _ = try await farm.api.wait(build, for: "failed") { $0.state == "failed" }
            let told = try await eventually("the mail arrived") { try mail.mails().first }
            #expect(told.text.hasPrefix("bad:1 failed: "), "\(told.text)")
            #expect(told.subject.hasPrefix("aibuild: bad:1 failed: ") && told.login == "aibuild")
            let request = try await eventually("the chat is told") {
                posted.withLock { $0.first { $0.path != "/hook" } }
            }
            let text = String(decoding: request.body, as: UTF8.self)
            #expect(text.contains("bad:1 failed: ") && text.contains("/builds/"), "\(text)")
            let event = try await eventually("the program is told") {
                posted.withLock { $0.first { $0.path == "/hook" } }
            }
            #expect(event.headers["webhook-signature"]?.hasPrefix("v1,") == true)
            let events = String(decoding: event.body, as: UTF8.self)
            #expect(events.contains(#""id":"build \#(build.id)""#), "\(events)")
            let list = try await eventually("the dead place has a problem") {
                let said = try await farm.aibuild(["notifications"]).out
                return said.contains("next try") ? said : nil
            }
            #expect(list.contains("failed, still failing, fixed, release failed of bad*"))
            #expect(list.contains("127.0.0.1:1"), "\(list)")
            let good = try await farm.aibuild(["notifications", "test", "on-call"])
            #expect(good.out == "Sent a test message to on-call\n", "\(good.err)")
            let bad = try await farm.aibuild(["notifications", "test", "dead"])
            #expect(bad.status == .exited(4) && bad.err.contains("Cannot send to dead"), "\(bad)")
            let unknown = try await farm.aibuild(["notifications", "test", "ded"])
            #expect(unknown.status == .exited(3) && unknown.err.contains("'ded'"), "\(unknown)")
            let json = FarmClient.text(try await farm.api.get("/api/v1/notifications"))
            let log = try #require(farm.coordinator).log
            for said in [list, json, bad.err, log] {
                #expect(!said.contains("c0ffee") && !said.contains("horse"), "\(said)")
            }
            #expect(log.contains("sent to team-chat: bad:1 failed"), "\(log)")
        }
        await chat.stop()
    }

    private static let mistakes: [(entry: String, words: String)] = [
        ("type: fax", "expected one of slack, mattermost, teams"),
        ("type: slack", "url_file"),
        ("type: slack, url_file: /no/such", "/no/such"),
        ("type: slack, url_file: FOLDER/mailto", "https://"),
        ("type: slack, url_file: FOLDER/short", "shorter than 16"),
        ("type: slack, url_file: FOLDER/url, secret_file: FOLDER/url", "secret_file"),
        ("type: slack, url_file: FOLDER/url, on: [broken]", "still_failing"),
        ("type: slack, url_file: FOLDER/url, on: []", "is empty"),
        ("type: slack, url_file: FOLDER/url, guest_oses: []", "1 to 100 names"),
        ("type: slack, url_file: FOLDER/url, text: \"{builds} x\"", "{build}, {environment}"),
        ("type: slack, url_file: FOLDER/url, ca_file: /no/such", "/no/such"),
        ("type: webhook, url: \"ftp://x\", secret_file: FOLDER/url", "http"),
        ("type: webhook, url: \"https://x\", secret_file: FOLDER/odd", "base64"),
        ("type: mail, smtp: \"mail:25\", from: a@b, to: [c@d]", "smtp://"),
        ("type: mail, smtp: \"smtp://u:p@mail\", from: a@b, to: [c@d]", "smtp://"),
        ("type: mail, smtp: \"smtp://mail\", from: \"A <a@b>\", to: [c@d]", "without a name"),
        ("type: mail, smtp: \"smtp://mail\", from: a@b, to: []", "1 to 50"),
        ("type: mail, smtp: \"smtp://mail\", from: a@b, to: [c@d], user: u", "password_file"),
        (
            "type: mail, smtp: \"smtp://mail\", from: a@b, to: [c@d], user: u, "
                + "password_file: FOLDER/url, require_tls: false", "require_tls"
        ),
    ]

    @Test("Mistakes in the places are refused at the start, with their line")
    func mistakes() async throws {
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.startsCoordinator = false
        }
        try await withFarm(setup) { farm in
            for (name, text) in [
                ("url", "https://chat.example.org/\(Self.secret)"), ("short", "https://x"),
                ("mailto", "mailto:somebody@example.org"), ("odd", "whsec_*************"),
            ] {
                try Files.replace("\(farm.folder)/\(name)", with: text.utf8)
            }
            for (entry, words) in Self.mistakes {
                let line = "  place: {\(entry.replacing("FOLDER", with: farm.folder))}"
                let text = "state_folder: \(farm.stateFolder)\nnotifications:\n\(line)\n"
                try Files.replace(farm.configPath, with: text.utf8)
                try? Files.remove("\(farm.folder)/second.log")
                let program = try FarmProgram(
                    "aibuild-coordinator", ["--config", farm.configPath],
                    logPath: "\(farm.folder)/second.log")
                #expect(try await program.exit() == .exited(1), "\(entry)")
                let said = program.log
                #expect(said.contains("coordinator.yml:3:"), "\(entry): \(said)")
                #expect(said.contains(words), "\(entry): \(said)")
                #expect(!said.contains(Self.secret))
            }
        }
    }
}
