/// A container, as inspected by an engine.
public struct EngineContainer: Sendable, Decodable {
    public var id: String
    public var state: State
    /// The id of its image.
    public var imageID: String
    public var config: Config
    public var restarts: Int?

    public struct State: Sendable, Decodable {
        /// created, running, paused, restarting, removing, exited, dead
        public var status: String
        public var exitCode: Int?
        public var error: String?
        public var health: Health?

        private enum CodingKeys: String, CodingKey {
            case status = "Status"
            case exitCode = "ExitCode"
            case error = "Error"
            case health = "Health"
        }

        public var isRunning: Bool { status == "running" || status == "restarting" }
    }

    public struct Health: Sendable, Decodable {
        /// none, starting, healthy, unhealthy
        public var status: String
        public var log: [Probe]?

        private enum CodingKeys: String, CodingKey {
            case status = "Status"
            case log = "Log"
        }
    }

    public struct Probe: Sendable, Decodable {
        public var exitCode: Int?
        public var output: String?

        private enum CodingKeys: String, CodingKey {
            case exitCode = "ExitCode"
            case output = "Output"
        }
    }

    public struct Config: Sendable, Decodable {
        /// As given when the container was created.
        public var image: String
        public var labels: [String: String]?

        private enum CodingKeys: String, CodingKey {
            case image = "Image"
            case labels = "Labels"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case state = "State"
        case imageID = "Image"
        case config = "Config"
        case restarts = "RestartCount"
    }
}

public struct ListedContainer: Sendable, Decodable, Hashable {
    public var id: String
    /// Each with a leading slash.
    public var names: [String]?
    public var imageID: String
    public var state: String?

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case names = "Names"
        case imageID = "ImageID"
        case state = "State"
    }
}
