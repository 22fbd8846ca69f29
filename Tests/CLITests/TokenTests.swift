import Glibc
import HTTPTypes
import Support
import TestSupport
import Testing

@testable import aibuild

/// The token that a coordinator on the same machine points to.
@Suite("Token") struct TokenTests {
    private let word = "0123456789abcdef"
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A coordinator that requires the word and points to the file.
    private func listing(file: String, _ body: (FakeCoordinator) async throws -> Void)
        async throws
    {
        let word = self.word
        try await withCoordinator(
            { router in
                for path in ["/api/v1/version", "/api/v1/hosts"] {
                    router.on("GET", path) { request, _ in
                        if request.headers["Authorization"] == "Bearer \(word)" {
                            return .text(#"{"items":[]}"#, type: "application/json")
                        }
                        var problem = Problem.unauthorized("This coordinator requires a token")
                        problem.headers.append("Aibuild-Token-File", file)
                        return problem.response
                    }
                }
            }, body)
    }

    @Test("Without a setting, the private token file of the coordinator's user is used")
    func readsTheTokenFile() async throws {
        let file = folder.path + "/api.token"
        try Files.replace(file, with: Array("\(word)\n".utf8), mode: 0o600)
        try await listing(file: file) { coordinator in
            #expect(await coordinator.run("host", "list", "--json").code == .ok)
            // A token that is given is the one that is meant.
            let given = await coordinator.run("host", "list", token: "another one, not right")
            #expect(given.code == .refused)
            #expect(given.err.contains("requires a token"))
        }
    }

    @Test("No file that others may read, no link and no text is sent as a token")
    func sendsNoOtherFile() async throws {
        let open = folder.path + "/open"
        try Files.replace(open, with: Array(word.utf8), mode: 0o644)
        let text = folder.path + "/text"
        try Files.replace(text, with: Array("grüße aus einer Datei".utf8), mode: 0o600)
        let target = folder.path + "/target"
        try Files.replace(target, with: Array(word.utf8), mode: 0o600)
        symlink(target, folder.path + "/link")
        for file in [open, text, folder.path + "/link", folder.path, "/dev/zero", "nothing"] {
            try await listing(file: file) { coordinator in
                #expect(await coordinator.run("host", "list").code == .refused, "\(file)")
            }
        }
    }
}
