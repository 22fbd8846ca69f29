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
    public let url: String
    private let folder: TemporaryFolder
    private let program: FarmProgram
    private let http = HTTPClient()

    public static func start() async throws -> FakeGitLab {
        let folder = try TemporaryFolder()
        let script = Files.folder(of: #filePath) + "/fake-gitlab.py"
        let port = folder.path + "/port"
        let program = try FarmProgram(
            "fake-gitlab", [script, port, token], logPath: folder.path + "/log",
            path: "/usr/bin/python3")
        let text = try await eventually("GitLab serves: \(program.log)") {
            (try? Files.read(port, limitBytes: 10)).map { String(decoding: $0, as: UTF8.self) }
        }
        return FakeGitLab("http://127.0.0.1:\(text)", folder, program)
    }

    private init(_ url: String, _ folder: TemporaryFolder, _ program: FarmProgram) {
        self.url = url
        self.folder = folder
        self.program = program
    }

    /// - Parameter json: the changes; see the script.
    @discardableResult
    public func control(_ json: String = "{}") async throws -> State {
        let answer = try await http.request(
            "POST", url + "/_control", headers: ["Content-Type": "application/json"],
            body: Array(json.utf8))
        return try JSONDecoder().decode(State.self, from: Data(answer.body))
    }

    /// Stops the server, as if it were switched off.
    public func stop() { program.kill() }
}
