/// The messages of a coordinator. On the wire: one JSON object a line, with `"type"` beside the
/// fields of the body.
public enum CoordinatorMessage: Sendable, Hashable {
    case hello(CoordinatorHello)
    case start(Start)
    case cancel(Cancel)
    case follow(Follow)
    case forget(Forget)
    case ping(Ping)
    case plugins(HandedOutPlugins)
}

/// The messages of an agent.
public enum AgentMessage: Sendable, Hashable {
    case hello(AgentHello)
    case host(HostReport)
    case phase(Phase)
    case log(LogChunk)
    case finished(Finished)
    case error(ErrorReport)
    case pong(Ping)
    case plugins(MissingPlugins)
}

/// A message of a type that is unknown to this side; answered with `error unknownType`.
public struct UnknownMessageType: Error, Sendable, Hashable {
    public var type: String
}

/// The field beside those of the body.
private enum Envelope: String, CodingKey {
    case type

    static func type(from decoder: any Decoder) throws -> String {
        try decoder.container(keyedBy: Envelope.self).decode(String.self, forKey: .type)
    }

    static func encode(_ type: String, _ body: any Encodable, to encoder: any Encoder) throws {
        try body.encode(to: encoder)
        var container = encoder.container(keyedBy: Envelope.self)
        try container.encode(type, forKey: .type)
    }
}

extension CoordinatorMessage: Codable {
    public init(from decoder: any Decoder) throws {
        switch try Envelope.type(from: decoder) {
        case "hello": self = .hello(try CoordinatorHello(from: decoder))
        case "start": self = .start(try Start(from: decoder))
        case "cancel": self = .cancel(try Cancel(from: decoder))
        case "follow": self = .follow(try Follow(from: decoder))
        case "forget": self = .forget(try Forget(from: decoder))
        case "ping": self = .ping(try Ping(from: decoder))
        case "plugins": self = .plugins(try HandedOutPlugins(from: decoder))
        case let type: throw UnknownMessageType(type: type)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        let (type, body): (String, any Encodable) =
            switch self {
            case .hello(let body): ("hello", body)
            case .start(let body): ("start", body)
            case .cancel(let body): ("cancel", body)
            case .follow(let body): ("follow", body)
            case .forget(let body): ("forget", body)
            case .ping(let body): ("ping", body)
            case .plugins(let body): ("plugins", body)
            }
        try Envelope.encode(type, body, to: encoder)
    }
}

extension AgentMessage: Codable {
    public init(from decoder: any Decoder) throws {
        switch try Envelope.type(from: decoder) {
        case "hello": self = .hello(try AgentHello(from: decoder))
        case "host": self = .host(try HostReport(from: decoder))
        case "phase": self = .phase(try Phase(from: decoder))
        case "log": self = .log(try LogChunk(from: decoder))
        case "finished": self = .finished(try Finished(from: decoder))
        case "error": self = .error(try ErrorReport(from: decoder))
        case "pong": self = .pong(try Ping(from: decoder))
        case "plugins": self = .plugins(try MissingPlugins(from: decoder))
        case let type: throw UnknownMessageType(type: type)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        let (type, body): (String, any Encodable) =
            switch self {
            case .hello(let body): ("hello", body)
            case .host(let body): ("host", body)
            case .phase(let body): ("phase", body)
            case .log(let body): ("log", body)
            case .finished(let body): ("finished", body)
            case .error(let body): ("error", body)
            case .pong(let body): ("pong", body)
            case .plugins(let body): ("plugins", body)
            }
        try Envelope.encode(type, body, to: encoder)
    }
}
