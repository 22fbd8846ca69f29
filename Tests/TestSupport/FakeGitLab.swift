import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support

/// A fake GitLab server on loopback with the requests that this project uses (`fake-gitlab.py`).
public final class FakeGitLab: Sendable {
    public struct State: Decodable, Sendable {
        public struct Group: Decodable, Sendable { public var full_path, visibility: String }
        public struct Project: Decodable, Sendable {
            public var path_with_namespace, visibility, default_branch: String
        }
        public struct Hook: Decodable, Sendable {
            public var url: String
            public var token: String?
            public var push_events, enable_ssl_verification: Bool
        }
        public var groups: [Group]
        public var projects: [Project]
        public var hooks: [Hook]
        /// `GET /api/v4/groups/aibuild`, in order.
        public var requests: [String]

        private enum Key: String, CodingKey { case groups, projects, hooks, requests }

        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Key.self)
            groups = try values.decode([Group].self, forKey: .groups)
            projects = try values.decode([Project].self, forKey: .projects)
            hooks = try values.decode([Hook].self, forKey: .hooks)
            var rows = try values.nestedUnkeyedContainer(forKey: .requests)
            requests = []
            while !rows.isAtEnd {
                var row = try rows.nestedUnkeyedContainer()
                requests.append(try row.decode(String.self) + " " + row.decode(String.self))
            }
        }
    }

    public static let token = "glpat-a-token-of-tests"
    public var url: String { server.url }
    private let server: FakeServer
    private let http = HTTPClient()

    public static func start() async throws -> FakeGitLab {
        FakeGitLab(try await FakeServer.start("fake-gitlab", [token]))
    }

    private init(_ server: FakeServer) { self.server = server }

    /// - Parameter json: the changes; see the script.
    @discardableResult
    public func control(_ json: String = "{}") async throws -> State {
        let answer = try await http.request(
            "POST", url + "/_control", headers: ["Content-Type": "application/json"],
            body: Array(json.utf8))
        return try JSONDecoder().decode(State.self, from: Data(answer.body))
    }

    /// Stops the server, as if it were switched off.
    public func stop() { server.kill() }
}
