import FoundationEssentials
import HTTPClientKit
import Support

/// `scripts/git-server.py`: Git over HTTP with signed reports of pushes and statuses of commits, in
/// the manner of Gitea.
public final class GitServer: Sendable {
    public static let secret = "hook-secret-of-tests"
    public static let token = "status-token-of-tests"

    public struct Status: Decodable, Sendable {
        public var state, context, description: String
        public var target_url: String?
    }

    private let folder: TemporaryFolder
    private let server: FakeServer
    private let http = HTTPClient()
    public var url: String { server.url }
    public var log: String { server.log }

    public static func start() async throws -> GitServer {
        let folder = try TemporaryFolder()
        let root = Files.folder(of: Files.folder(of: Files.folder(of: #filePath)))
        let server = try await FakeServer.start(
            "git-server", in: root + "/scripts",
            [folder.path + "/repos", folder.path + "/hook.url", secret, token])
        return GitServer(folder, server)
    }

    private init(_ folder: TemporaryFolder, _ server: FakeServer) {
        self.folder = folder
        self.server = server
    }

    /// The address to which pushes are reported from now on.
    public func report(to url: String) throws {
        try Files.replace(folder.path + "/hook.url", with: Array(url.utf8))
    }

    public func statuses(_ project: String, _ commit: String) async throws -> [Status] {
        let answer = try await http.request(
            "GET", "\(url)/api/v1/repos/\(project)/statuses/\(commit)")
        return try JSONDecoder().decode([Status].self, from: Data(answer.body))
    }

    /// Stops the server, as if it were switched off.
    public func stop() { server.kill() }
}
