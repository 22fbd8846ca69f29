import Support
import TestSupport
import Testing

@testable import DockerKit

/// What docs/releasing-docker.md says of registries that cannot be run here.
@Suite(.timeLimit(.minutes(1))) struct ProductTests {
    private func repository(
        _ server: ProductRegistry, _ user: String, _ path: String, password: String = "secret"
    ) throws -> RegistryRepository {
        try Registry(
            url: server.url, credentials: RegistryCredentials(user: user, password: password)
        ).repository(path)
    }

    /// Pushes a blob and a tag, and checks the right to push.
    private func push(_ repository: RegistryRepository) async throws {
        #expect(try await repository.push(Blob([1, 2, 3])) == .pushed(resumedAt: 0))
        try await repository.put(Array("{}".utf8), type: MediaType.manifest, tag: "latest")
        try await repository.checkPush()
    }

    private func expectRefusal(
        _ words: [String], _ work: () async throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let error = try await failure(work)
        #expect(error.isPermanent, "\(error)", sourceLocation: sourceLocation)
        for word in words {
            #expect(error.description.contains(word), "\(error)", sourceLocation: sourceLocation)
        }
    }

    private let other = Array(#"{"other":1}"#.utf8)

    @Test("GitLab: tokens come from GitLab, and what it refuses is named insufficient_scope")
    func gitLab() async throws {
        let server = try await ProductRegistry(.gitLab)
        let allowed = try repository(server, "deploy", "group/project/debian12")
        try await push(allowed)
        let tokens = server.calls.filter { $0.hasPrefix("token") }
        #expect(
            Set(tokens) == [
                "token deploy repository:group/project/debian12:pull",
                "token deploy repository:group/project/debian12:pull,push",
            ])
        // A name that is too deep, and a project that the token has no right in.
        for path in ["group/project/a/b/c", "group/secret/debian12"] {
            let words = ["401", "insufficient_scope: the login is right", "no right to do this"]
            let refused = try repository(server, "deploy", path)
            try await expectRefusal(words) { _ = try await refused.push(Blob([1])) }
            try await expectRefusal(words) { try await refused.checkPush() }
        }
        try await expectRefusal(["no token from \(server.url)/jwt/auth", "access forbidden"]) {
            try await push(repository(server, "deploy", "group/project/x", password: "old"))
        }
    }

    @Test("Harbor: projects exist before, robots have a prefix, and rules keep tags")
    func harbor() async throws {
        let server = try await ProductRegistry(.harbor)
        let images = try repository(server, "robot$ci", "images/debian12")
        try await push(images)
        #expect(server.calls.contains("token robot$ci repository:images/debian12:pull,push"))
        try await expectRefusal(["412, PRECONDITION", "'images/debian12:latest' configured as"]) {
            try await images.put(other, type: MediaType.manifest, tag: "latest")
        }
        let missing = try repository(server, "robot$ci", "teams/debian12")
        try await expectRefusal(["404, NOT_FOUND, project teams not found"]) {
            _ = try await missing.push(Blob([1]))
        }
        try await expectRefusal(["project teams not found; create its project there"]) {
            try await missing.checkPush()
        }
        try await expectRefusal(["no token from \(server.url)/service/token"]) {
            try await push(repository(server, "ci", "images/debian12"))
        }
    }

    @Test("Nexus: Basic logins, groups take no push, and a policy may keep tags")
    func nexus() async throws {
        let server = try await ProductRegistry(.nexus)
        let hosted = try repository(server, "ci", "debian12")
        try await push(hosted)
        try await expectRefusal(["400, UNKNOWN", "does not allow updating assets"]) {
            try await hosted.put(other, type: MediaType.manifest, tag: "latest")
        }
        let group = try repository(server, "ci", "group/debian12")
        try await expectRefusal(["405"]) { _ = try await group.push(Blob([1])) }
        try await expectRefusal(["405; is it read-only, or a cache of another registry?"]) {
            try await group.checkPush()
        }
        // Without the Bearer token realm, nobody is anonymous.
        let anonymous = try Registry(url: server.url).repository("debian12")
        try await expectRefusal(["requires a user and a password"]) {
            _ = try await anonymous.manifest("latest")
        }
    }
}
