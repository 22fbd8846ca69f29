import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import TestSupport
import Testing

/// Guest OSes whose templates are in folders of one repository.
@Suite("Guest OSes") struct GuestOSTests {
    private let store = InMemoryStore()
    private let api: API

    init() async throws {
        api = try await API.leading(
            store, epoch: try await store.lead(), templates: AnyTemplates())
    }

    private func send(
        _ method: String, _ template: String, _ more: String = ""
    ) async throws -> Answer {
        try await api.ask(
            method, "/api/v1/guestos" + (method == "PUT" ? "/d" : ""),
            #"{"name":"d","type":"linux","template":{\#(template)}\#(more)}"#)
    }

    private func path() async -> String? {
        await store.guestOS(named: "d")?.templatePath
    }

    private let git = #""kind":"git","url":"https://git/images.git""#

    @Test(
        "A folder that is none of a repository is refused, and the reason names it",
        arguments: [
            (#""kind":"folder","path":"/srv/t""#, "images/d", "needs a Git repository"),
            (#""kind":"git","url":"https://git/i.git""#, "../x", "'../x' is not a folder of the"),
            (#""kind":"git","url":"https://git/i.git""#, "/x", "'/x' is not a folder of the"),
            (#""kind":"git","url":"https://git/i.git""#, "a//b", "'a//b' is not a folder of the"),
        ])
    func refusedPath(template: String, path: String, words: String) async throws {
        for method in ["POST", "PUT"] {
            let answer = try await send(method, template, #","templatePath":"\#(path)""#)
            #expect(answer.status == 400, "\(method)")
            #expect(answer.text.contains(words), "\(answer.text)")
            // What is to be changed by the second request.
            if method == "POST" { #expect(try await send("POST", git).status == 201) }
        }
        #expect(await self.path() == nil)
    }

    @Test("A change without the field keeps the folder, unless the repository changes")
    func keptPath() async throws {
        let made = try await send("POST", git, #","templatePath":"images/d""#)
        #expect(made.status == 201)
        #expect(made.text.replacing("\\/", with: "/").contains(#""templatePath":"images/d""#))
        #expect(try await send("PUT", git).status == 200)
        #expect(await path() == "images/d")
        #expect(try await send("PUT", git, #","templatePath":"""#).status == 200)
        #expect(await path() == nil)
        #expect(try await send("PUT", git, #","templatePath":"b""#).status == 200)
        let other = try await send("PUT", #""kind":"git","url":"https://git/other.git""#)
        #expect(other.status == 200)
        #expect(await path() == nil)
    }
}
