import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// Takes requests for builds from a message queue, and answers them.
///
/// A message becomes a delivery, like the report of a hook, so that people see it in the same list
/// and the same code tries it again. Unlike a report it stays in the queue until its build is
/// stored: then it is acknowledged, and one that is refused for good is rejected, so that the
/// server keeps it with the others of its kind. What comes in between, a restart or a full queue of
/// builds, loses nothing: the server delivers the message again, and its id finds what was done.
public actor BuildRequests {
    /// The name of the queue among the hooks.
    public static let hook = "rabbitmq"

    /// For people.
    public struct Status: Sendable, Hashable {
        /// The server; `nil` if it is not connected.
        public var server: String?
        public var lastMessageMilliseconds: Int64?
        /// Why it is not connected, or why the last answer was not sent.
        public var problem: String?
    }

    public private(set) var status = Status()
    private let ports: Ports
    private let store: any DeliveryWriter & StatusWriter
    private let deliveries: Deliveries
    private var session: (any RequestQueueSession)?
    private var loop: Task<Void, Never>?
    /// The messages of this session whose delivery has not ended, by its key.
    private var open: [String: [RequestMessage.Tag]] = [:]
    private let log = Logger("rabbitmq")

    init(
        ports: Ports, store: any DeliveryWriter & StatusWriter, deliveries: Deliveries
    ) {
        self.ports = ports
        self.store = store
        self.deliveries = deliveries
    }

    // MARK: Life

    func start() {
        guard let queue = ports.requestQueue else { return }
        loop = Task { await run(queue) }
    }

    /// A connection that is being opened closes itself later: a server that does not answer would
    /// hold up the next leader.
    func stop() async {
        loop?.cancel()
        guard let session else { return }
        await session.close()
        await loop?.value
    }

    private func run(_ queue: any RequestQueue) async {
        let limits = ports.limits
        func backoff() -> Backoff {
            Backoff(
                first: limits.queueReconnectMilliseconds,
                longest: limits.queueReconnectLongestMilliseconds)
        }
        var delay = backoff()
        while !Task.isCancelled {
            let begin = ports.clock.monotonicMilliseconds()
            do {
                let session = try await queue.connect()
                connected(session)
                try await session.receive { await take($0, session) }
                await session.close()
            } catch { failed(error) }
            session = nil
            open = [:]
            status.server = nil
            // One that the server ends at once has achieved nothing.
            if ports.clock.monotonicMilliseconds() - begin > limits.soundSessionMilliseconds {
                delay = backoff()
            }
            // Coordinators that lost the same server should not come back at the same moment.
            let milliseconds = delay.next()
            try? await ports.clock.sleep(
                milliseconds: milliseconds / 2 + ports.jitter(milliseconds / 2))
        }
    }

    private func connected(_ session: any RequestQueueSession) {
        self.session = session
        status.server = session.server
        status.problem = nil
        log.info("connected to \(session.server)")
        if Task.isCancelled { Task { await session.close() } }
    }

    private func failed(_ error: any Error) {
        guard !Task.isCancelled else { return }
        // The same one comes at each try.
        if status.problem != "\(error)" { log.warning("\(error)") }
        status.problem = "\(error)"
    }

    // MARK: Messages

    private func take(_ message: RequestMessage, _ session: any RequestQueueSession) async {
        let now = ports.clock.unixMilliseconds()
        status.lastMessageMilliseconds = now
        let (delivery, payload) = Self.delivery(message, now)
        open[delivery.key, default: []].append(message.tag)
        do {
            // Until the store answers the message waits, and the next ones behind it.
            let ended = try await ports.retrying {
                try await receive(delivery, payload)
            } unless: { error in
                if (error as? StoreError)?.code == .deposed { throw error }
            }
            guard let ended else { return deliveries.wake() }
            open[delivery.key]?.removeAll { $0 == message.tag }
            await settle([message.tag], ended)
        } catch {
            // It comes again, here or at the next leader.
            log.warning("request \(delivery.key) was not stored: \(error)")
        }
    }

    /// - Returns: the delivery if it has ended.
    private func receive(_ delivery: Delivery, _ payload: String) async throws -> Delivery? {
        var stored = try await ports.store.receive(delivery, payload: payload)
        if let request = delivery.request, let known = stored.request,
            !request.asksForTheSame(as: known)
        {
            var refused = delivery
            refused.state = .failed
            refused.outcome =
                "the id \(Names.quoted(request.id)) is that of an earlier request, which asks for "
                + "something else: delivery \(stored.id)"
            return refused
        }
        switch stored.state {
        case .queued: return nil
        case .handled: return stored
        case .failed, .ignored, .awaitingApproval:
            guard delivery.state == .queued else { return stored }
            // A person has put it back, or it was not rejected any more: it may be taken now.
            stored.state = .queued
            stored.tries = 0
            stored.notBeforeMilliseconds = 0
            stored.request = delivery.request
            stored.outcome = ""
            _ = try await store.update(stored, from: [.failed, .ignored])
            return nil
        }
    }

    private static func delivery(_ message: RequestMessage, _ now: Int64) -> (Delivery, String) {
        let body = message.body ?? []
        let payload = String(decoding: body, as: UTF8.self).replacing("\0", with: "\u{FFFD}")
        var delivery = Delivery(
            hook: hook, key: "", event: "request", receivedMilliseconds: now,
            payloadBytes: message.bodyBytes)
        do throws(UnusedReport) {
            guard message.body != nil else {
                throw UnusedReport(
                    "the body has \(message.bodyBytes) bytes, more than "
                        + "\(BuildRequest.Bounds.bodyBytes)")
            }
            let request = try BuildRequest.read(
                body, messageID: message.messageID, correlationID: message.correlationID,
                replyTo: message.replyTo, user: message.user)
            delivery.key = request.key
            delivery.event = "build of \(request.guestOS)"
            delivery.request = request
        } catch {
            let id =
                BuildRequest.id(in: body) ?? message.messageID ?? message.correlationID ?? ""
            delivery.key = "bad " + SHA256.hex(Array("\(id) \(message.bodyBytes) ".utf8) + body)
            delivery.state = .failed
            delivery.outcome = error.description
            // For whoever waits for the answer.
            delivery.request =
                id.isEmpty
                ? nil
                : BuildRequest(
                    id: id, guestOS: "", replyTo: message.replyTo,
                    correlationID: message.correlationID)
        }
        return (delivery, payload)
    }

    /// A delivery has come to its end: so do its messages.
    func ended(_ delivery: Delivery) async {
        // Keys of hooks are others' ids.
        guard delivery.hook == Self.hook, let tags = open.removeValue(forKey: delivery.key) else {
            return
        }
        await settle(tags, delivery)
    }

    private func settle(_ tags: [RequestMessage.Tag], _ delivery: Delivery) async {
        guard let session, !tags.isEmpty else { return }
        if delivery.state == .handled {
            guard await owesAnswer(delivery) else { return }
            for tag in tags { session.acknowledge(tag) }
            return
        }
        log.warning("request \(delivery.key) is refused: \(delivery.outcome)")
        await refuse(delivery)
        for tag in tags { session.reject(tag) }
    }

    /// Before the message is acknowledged: afterwards nothing else remembers that somebody waits.
    /// - Returns: `false` if this coordinator leads no more.
    private func owesAnswer(_ delivery: Delivery) async -> Bool {
        guard let id = delivery.request?.buildID else { return true }
        do {
            try await ports.retrying {
                try await store.oweStatus(ofBuild: id)
            } unless: { error in
                if (error as? StoreError)?.isPermanent == true { throw error }
            }
            return true
        } catch {
            log.warning("cannot note the answer to request \(delivery.key): \(error)")
            return false
        }
    }

    // MARK: Answers

    /// Sends the newest state of a build that was requested.
    /// - Throws: `RequestQueueFault`
    func answer(_ build: Build) async throws {
        guard let request = build.plan.origin?.request else { return }
        let answer = BuildAnswer(
            build, to: request.id, pages: ports.pages,
            atMilliseconds: ports.clock.unixMilliseconds())
        do {
            try await publish(
                answer, correlationID: request.correlationID, replyTo: request.replyTo)
            if status.server != nil { status.problem = nil }
        } catch {
            if status.server != nil { status.problem = "\(error)" }
            throw error
        }
    }

    /// Before the message is rejected: if this does not succeed, it comes again.
    private func refuse(_ delivery: Delivery) async {
        let request = delivery.request
        let answer = BuildAnswer(
            refused: request?.id ?? "",
            guestOS: request.flatMap { $0.guestOS.isEmpty ? nil : $0.guestOS },
            delivery.outcome, key: delivery.key,
            atMilliseconds: ports.clock.unixMilliseconds())
        do {
            try await publish(
                answer, correlationID: request?.correlationID, replyTo: request?.replyTo)
        } catch {
            log.warning("cannot send the refusal of request \(delivery.key): \(error)")
            status.problem = "\(error)"
        }
    }

    private func publish(
        _ answer: BuildAnswer, correlationID: String?, replyTo: String?
    ) async throws {
        guard let session else {
            throw RequestQueueFault(
                .unavailable, status.problem ?? "RabbitMQ is not connected yet")
        }
        let message = AnswerMessage(
            messageID: answer.messageID, correlationID: correlationID ?? answer.id,
            body: try CanonicalJSON.encode(answer))
        if let replyTo {
            do { try await session.publish(message, replyTo: replyTo) } catch let fault
                as RequestQueueFault where fault.isPermanent
            {
                // The requester waits no longer.
                log.warning("\(answer.messageID): \(fault)")
            }
        }
        try await session.publish(message, replyTo: nil)
    }
}

extension Ports {
    /// A random time up to this one.
    func jitter(_ milliseconds: Int64) -> Int64 {
        let digits = ids.randomToken().text.prefix(8)
        return Int64(digits, radix: 16).map { $0 % max(1, milliseconds + 1) } ?? 0
    }
}
