import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import Support
import Synchronization

/// A queue in memory that behaves like RabbitMQ: what is not settled when a session ends is
/// delivered to the next one.
final class FakeRequestQueue: RequestQueue {
    struct Sent: Hashable {
        var id, state, build: String?
        var reason: String?
        var messageID, correlationID: String
        /// `nil`: the place of all answers.
        var replyTo: String?
    }

    fileprivate struct State {
        var ready: [RequestMessage] = []
        var session: FakeRequestSession?
        var unsettled: [RequestMessage] = []
        var acknowledged: [String] = []
        var rejected: [String] = []
        var sent: [Sent] = []
        var refusal: RequestQueueFault?
        var publishing: RequestQueueFault?
        var lastTag: UInt64 = 0
        var connections = 0
    }

    fileprivate let state = Mutex(State())
    let queue = "requests"
    let servers = "amqp://fake:5672"

    var acknowledged: [String] { state.withLock(\.acknowledged) }
    var rejected: [String] { state.withLock(\.rejected) }
    var sent: [Sent] { state.withLock(\.sent) }
    /// Of sessions that were tried.
    var connections: Int { state.withLock(\.connections) }

    /// Connections fail from now on.
    func refuse(_ fault: RequestQueueFault?) { state.withLock { $0.refusal = fault } }
    /// Answers fail from now on.
    func refuseAnswers(_ fault: RequestQueueFault?) { state.withLock { $0.publishing = fault } }

    func put(
        _ body: String?, id: String? = nil, replyTo: String? = nil, correlation: String? = nil,
        user: String? = nil
    ) {
        state.withLock { state in
            state.ready.append(
                RequestMessage(
                    tag: .init(0), messageID: id, correlationID: correlation, replyTo: replyTo,
                    user: user, body: body.map { Array($0.utf8) },
                    bodyBytes: Int64(body?.utf8.count ?? 1 << 30)))
            state.deliver()
        }
    }

    /// The session ends as if its server had crashed.
    func cut() {
        let session = state.withLock { state in
            state.ready = state.unsettled + state.ready
            state.unsettled = []
            return state.session.take()
        }
        session?.arrivals.finish(throwing: RequestQueueFault(.unavailable, "the server went away"))
    }

    func connect() async throws -> any RequestQueueSession {
        let session = FakeRequestSession(self)
        try state.withLock { state in
            state.connections += 1
            if let refusal = state.refusal { throw refusal }
            state.session = session
            state.deliver()
        }
        return session
    }
}

extension FakeRequestQueue.State {
    fileprivate mutating func deliver() {
        guard let session else { return }
        for var message in ready {
            lastTag += 1
            message.tag = .init(lastTag)
            unsettled.append(message)
            session.arrivals.yield(message)
        }
        ready = []
    }

    fileprivate mutating func settle(_ tag: RequestMessage.Tag) -> String? {
        guard let place = unsettled.firstIndex(where: { $0.tag == tag }) else { return nil }
        let message = unsettled.remove(at: place)
        return message.messageID ?? "?"
    }
}

final class FakeRequestSession: RequestQueueSession {
    private let queue: FakeRequestQueue
    private let messages: AsyncThrowingStream<RequestMessage, any Error>
    fileprivate let arrivals: AsyncThrowingStream<RequestMessage, any Error>.Continuation
    let server = "fake:5672"

    init(_ queue: FakeRequestQueue) {
        self.queue = queue
        (messages, arrivals) = AsyncThrowingStream.makeStream()
    }

    func receive(_ body: (RequestMessage) async -> Void) async throws {
        for try await message in messages { await body(message) }
    }

    func acknowledge(_ message: RequestMessage.Tag) {
        queue.state.withLock { state in
            if let id = state.settle(message) { state.acknowledged.append(id) }
        }
    }

    func reject(_ message: RequestMessage.Tag) {
        queue.state.withLock { state in
            if let id = state.settle(message) { state.rejected.append(id) }
        }
    }

    func publish(_ message: AnswerMessage, replyTo: String?) async throws {
        struct Body: Decodable {
            var id, state, build, reason: String?
        }
        let body = try JSONDecoder().decode(Body.self, from: Data(message.body))
        try queue.state.withLock { state in
            if let fault = state.publishing { throw fault }
            state.sent.append(
                FakeRequestQueue.Sent(
                    id: body.id, state: body.state, build: body.build, reason: body.reason,
                    messageID: message.messageID, correlationID: message.correlationID,
                    replyTo: replyTo))
        }
    }

    func close() async { arrivals.finish() }
}
