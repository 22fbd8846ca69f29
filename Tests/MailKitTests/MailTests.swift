import FoundationEssentials
import MailKit
import Support
import TestSupport
import Testing

/// Mails to a real SMTP server on loopback (aiosmtpd).
@Suite(.timeLimit(.minutes(2))) struct MailTests {
    private func mail(
        _ subject: String = "s", to: [String] = ["a@example.org"], text: String = "Hi"
    ) -> MailMessage {
        MailMessage(
            from: "aibuild@example.org", to: to, subject: subject, text: text, key: "k1",
            atMilliseconds: 1_796_003_045_000)
    }

    private func first(_ server: FakeMailServer) async throws -> FakeMailServer.Mail {
        try await eventually("it arrived") { try server.mails().first }
    }

    @Test("A mail arrives with its subject, date and text, for each recipient")
    func arrives() async throws {
        let server = try await FakeMailServer.start()
        let refused = try await MailServer(url: server.url, requiresTLS: false).send(
            mail(
                "aibuild: ö \u{1F427} failed\r\nBcc: x@y", to: ["a@example.org", "b@example.org"],
                text: "Zeile 1 ä\n.\nline 3"))
        #expect(refused.isEmpty)
        let got = try await first(server)
        #expect(got.recipients == ["a@example.org", "b@example.org"])
        #expect(got.subject == "aibuild: ö \u{1F427} failed\\u{d}\\u{a}Bcc: x@y")
        #expect(!got.headers.contains("Bcc") && got.headers.contains("To"))
        #expect(got.text == "Zeile 1 ä\n.\nline 3\n")
        #expect(got.date == "Mon, 30 Nov 2026 01:44:05 +0000")
        #expect(got.id == "<k1@example.org>")
    }

    @Test("Fifty long addresses and a long text stay within the lines of SMTP")
    func long() async throws {
        let server = try await FakeMailServer.start()
        let to = (0..<50).map { String(repeating: "a", count: 60) + "\($0)@example.org" }
        let text = String(repeating: "x", count: 20_000)
        _ = try await MailServer(url: server.url, requiresTLS: false).send(
            mail(String(repeating: "ü", count: 400), to: to, text: text))
        let got = try await first(server)
        #expect(got.recipients == to && got.text == text + "\n")
        #expect(got.longestLine <= 998, "\(got.longestLine)")
        #expect(got.subject == String(repeating: "ü", count: 125))
    }

    @Test("A login goes over TLS, also if it begins in the middle, to a server that proves itself")
    func login() async throws {
        let folder = try TemporaryFolder()
        let certificates = try await TestCertificates(in: folder.path + "/c")
        let authority = "\(certificates.folder)/ca.pem"
        for mode in [FakeMailServer.TLS.started, .whole] {
            let server = try await FakeMailServer.start(
                tls: mode, certificates, login: ("anna", "correct horse"))
            func sender(_ password: String?, _ authority: String?) -> MailServer {
                MailServer(
                    url: server.url, user: password == nil ? nil : "anna", password: password,
                    authorities: authority)
            }
            _ = try await sender("correct horse", authority).send(mail())
            let got = try await first(server)
            #expect(got.login == "anna" && got.isEncrypted)
            for wrong in [
                sender("wrong horse", authority), sender(nil, authority),
                sender("correct horse", nil), sender("correct horse", "/no/such/file"),
            ] {
                let error = await #expect(throws: MailError.self) { try await wrong.send(mail()) }
                let text = "\(try #require(error))"
                #expect(error?.isPermanent == false, "an operator can fix it: \(text)")
                #expect(!text.contains("horse"), "\(text)")
            }
            #expect(try server.mails().count == 1)
        }
    }

    @Test("Without TLS nothing is sent to a server that must have it")
    func noTLS() async throws {
        let server = try await FakeMailServer.start()
        let error = await #expect(throws: MailError.self) {
            try await MailServer(url: server.url, user: "anna", password: "correct horse")
                .send(mail())
        }
        #expect(error?.isPermanent == false)
        #expect(try server.mails().isEmpty && !server.log.contains("AUTH"))
    }

    @Test("A refused recipient is reported, and the others get the mail; if all are, it is final")
    func refused() async throws {
        let server = try await FakeMailServer.start()
        let sender = MailServer(url: server.url, requiresTLS: false)
        let refused = try await sender.send(
            mail(to: ["a@example.org", "refused@example.org", "b@example.org"]))
        #expect(refused == ["refused@example.org"])
        let got = try await eventually("both arrived") {
            let mails = try server.mails()
            return mails.count == 2 ? mails : nil
        }
        #expect(got.flatMap(\.recipients).sorted() == ["a@example.org", "b@example.org"])
        for to in [["refused@example.org"], ["refused@example.org", "refused2@example.org"]] {
            let refusal = await #expect(throws: MailError.self) {
                try await sender.send(mail(to: to))
            }
            #expect(refusal?.isPermanent == true)
            let text = "\(try #require(refusal))"
            #expect(text.contains("550"), "\(text)")
        }
        let later = await #expect(throws: MailError.self) {
            try await sender.send(mail(to: ["later@example.org"]))
        }
        #expect(later?.isPermanent == false)
        let away = await #expect(throws: MailError.self) {
            try await MailServer(url: "smtp://127.0.0.1:1", requiresTLS: false).send(mail())
        }
        #expect(away?.isPermanent == false)
        #expect(try server.mails().count == 2)
    }

    @Test("A cancelled task does not wait for a server that is silent")
    func cancelled() async throws {
        let server = try await FakeMailServer.start()
        let task = Task {
            try await MailServer(url: server.url, requiresTLS: false)
                .send(mail(to: ["silent@example.org"]))
        }
        try await eventually("it is asked") { server.log.contains("silent") }
        let start = Clocks.monotonicMilliseconds()
        task.cancel()
        await #expect(throws: MailError.self) { try await task.value }
        #expect(Clocks.monotonicMilliseconds() - start < 20_000)
    }

    @Test("Only plain addresses are taken")
    func addresses() {
        for good in ["a@b", "first.last+tag@mail.example.org"] {
            #expect(MailMessage.isAddress(good))
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "<a@b>", "a@b\r\n", "a@b,c@d", "ä@b"] {
            #expect(!MailMessage.isAddress(bad), "\(bad)")
        }
    }
}
