public import BuildProtocol
public import ErrorKit

/// A queue of messages by which other programs request builds, and where they read the answers.
public protocol RequestQueue: Sendable {
    /// For people: the name of the queue, and its servers.
    var queue: String { get }
    var servers: String { get }

    /// Connects to one of the servers, another one than the last time if there are several.
    /// - Throws: `RequestQueueFault`
    func connect() async throws -> any RequestQueueSession
}

/// A connection to the queue. It ends with the first error.
public protocol RequestQueueSession: Sendable {
    var server: String { get }

    /// Calls `body` with one message after the other, until the connection ends.
    /// - Throws: `RequestQueueFault`; nothing if `close` ended it, or the task was cancelled.
    func receive(_ body: (RequestMessage) async -> Void) async throws
    /// The queue forgets the message, for it is done.
    func acknowledge(_ message: RequestMessage.Tag)
    /// The message is refused for good: the server keeps it for people, if it is set up to.
    func reject(_ message: RequestMessage.Tag)
    /// Returns once the server has stored the answer.
    /// - Parameter replyTo: a queue; `nil`: the place of all answers, if there is one.
    /// - Throws: `RequestQueueFault`
    func publish(_ message: AnswerMessage, replyTo: String?) async throws
    /// What is not settled is delivered to the next connection.
    func close() async
}

/// A message of the queue.
public struct RequestMessage: Sendable, Hashable {
    /// Names a message within its session.
    public struct Tag: Sendable, Hashable {
        public var number: UInt64

        public init(_ number: UInt64) { self.number = number }
    }

    public var tag: Tag
    public var messageID: String?
    public var correlationID: String?
    public var replyTo: String?
    public var user: String?
    /// `nil` if it is too large.
    public var body: [UInt8]?
    @Bounded<ByteBound> public var bodyBytes: Int64

    public init(
        tag: Tag, messageID: String? = nil, correlationID: String? = nil, replyTo: String? = nil,
        user: String? = nil, body: [UInt8]?, bodyBytes: Int64
    ) {
        self.tag = tag
        self.messageID = messageID
        self.correlationID = correlationID
        self.replyTo = replyTo
        self.user = user
        self.body = body
        self.bodyBytes = bodyBytes
    }
}

/// An answer as it is sent.
public struct AnswerMessage: Sendable, Hashable {
    public var messageID: String
    public var correlationID: String
    /// JSON.
    public var body: [UInt8]

    public init(messageID: String, correlationID: String, body: [UInt8]) {
        self.messageID = messageID
        self.correlationID = correlationID
        self.body = body
    }
}

public typealias RequestQueueFault = CodedError<RequestQueueFaultCode>

public enum RequestQueueFaultCode: UsualFailureCode {
    /// The server refuses it until a person has changed something.
    case usual
    /// The server cannot be reached, or is busy.
    case unavailable

    public var isPermanent: Bool { self == .usual }
}
