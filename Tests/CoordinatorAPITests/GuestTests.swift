import BuildProtocol
@testable import CoordinatorAPI
import CoordinatorCore
import Foundation
import HTTPTypes
import Testing

/// The last screen and the serial console of a guest, as the API and the page show them.
@Suite("Guest evidence") struct GuestTests {
    private let token = AttemptToken(high: 1, low: 2)
    private let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAA"
        + "AgABSK+kcQAAAABJRU5ErkJggg=="

    private func screenshot(
        _ evidence: GuestEvidence?, of token: String
    ) async throws -> Answer {
        let logs = InMemoryLogStore.empty
        if let evidence { await logs.keep(evidence, of: self.token) }
        let api = try await API.leading(logs: logs)
        return try await api.ask("GET", "/api/v1/attempts/\(token)/screenshot")
    }

    @Test("A screenshot is served only if it is a PNG, and as nothing else")
    func servesOnlyPNGs() async throws {
        var evidence = GuestEvidence()
        evidence.screenshot = png
        let answer = try await screenshot(evidence, of: token.text)
        #expect(answer.status == 200)
        #expect(answer.headers["Content-Type"] == "image/png")
        #expect(answer.headers["X-Content-Type-Options"] == "nosniff")
        #expect(!answer.bytes.isEmpty && PNG.problem(answer.bytes) == nil)

        evidence.screenshot = Data("<script>alert(1)</script>".utf8).base64EncodedString()
        #expect(try await screenshot(evidence, of: token.text).status == 404)
        #expect(try await screenshot(GuestEvidence(), of: token.text).status == 404)
        #expect(try await screenshot(nil, of: token.text).status == 404)
        #expect(try await screenshot(evidence, of: "nonsense").status == 404)
    }

    @Test("The page shows what a guest printed as text, without markup or control characters")
    func showsGuestOutputAsText() {
        let hostile = GuestEvidence(
            status: "<b>", notes: ["<i>"],
            serialTail: "\u{1B}[31m<script>\u{1B}[0m\u{0}\u{9B}\ttab\r\nnext", screenshotPNG: [1])
        let html = GuestSection.section(GuestView(hostile, of: token), 2).html
        for text in ["<b>", "<i>", "<script>", "\u{1B}", "\u{0}", "\u{9B}", "\r"] {
            #expect(!html.contains(text), "\(text)")
        }
        #expect(html.contains("&lt;script&gt;        tab\nnext</pre>"))
        #expect(html.contains("Guest of attempt 2"))
        #expect(html.contains("<img src=\"/api/v1/attempts/\(token)/screenshot\""))
    }

    @Test("The summary names status, disk, network and CPU use") func summarizesTheEvidence() {
        var evidence = GuestEvidence(status: "running")
        evidence.windowMilliseconds = 60_000
        evidence.diskBytes = 512
        evidence.cpuMilliseconds = 1_500
        #expect(
            GuestView(evidence, of: token).summary
                == "QEMU said running; in 60.0 s the guest moved 512 bytes of disk and an unknown "
                + "number of bytes of network, and used 1.5 s of processor time")
    }
}
