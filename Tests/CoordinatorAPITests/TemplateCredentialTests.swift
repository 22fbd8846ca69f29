import CoordinatorAPI
import CoordinatorCore
import Testing

@Suite("Credentials in template URLs") struct TemplateCredentialTests {
    private let farm: LeaderAPI
    private static let url = "https://bob:s3cret@git.example.org/a.git"
    private static let form =
        #"{"name":"a","type":"linux","template":{"kind":"git","ref":"main","url":"\#(url)"}}"#

    init() async throws { farm = try await LeaderAPI() }

    @Test("A registration with a credential in its URL is refused, and not quoted")
    func refusesACredential() async throws {
        for (method, path) in [("POST", "/api/v1/guestos"), ("PUT", "/api/v1/guestos/a")] {
            if method == "PUT" { try await addOlderRow() }
            let answer = try await farm.api.ask(method, path, Self.form)
            #expect(answer.status == 400)
            #expect(answer.text.contains("contains a user name or password"))
            #expect(!answer.text.contains("s3cret"), "\(answer.text)")
        }
    }

    @Test("An older registration is shown without its credential")
    func hidesTheCredential() async throws {
        try await addOlderRow()
        for path in ["", "/a"] {
            let text = try await farm.api.ask("GET", "/api/v1/guestos" + path).text
            #expect(text.contains(#""url":"https://git.example.org/a.git""#))
            #expect(!text.contains("s3cret") && !text.contains("bob"))
        }
    }

    private func addOlderRow() async throws {
        try await farm.leader.add(
            GuestOS(
                id: "1", name: "a", type: .linux, distro: "", version: "", baseISO: "",
                template: .git(url: Self.url, ref: "main"), owner: "o", createdMilliseconds: 0))
    }
}
