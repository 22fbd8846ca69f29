import CLinux
import Glibc
import Support
import Synchronization

/// A connection that consumes one queue and publishes. It ends with the first error; the caller
/// opens another one.
///
/// A thread of its own makes every call of librabbitmq, which is not thread-safe and blocks: it
/// waits for the server or for a command of another thread, whichever comes first.
public final class AMQPSession: Sendable {
    typealias Confirmation = CheckedContinuation<Void, any Error>

    enum Command: Sendable {
        case acknowledge(UInt64)
        case reject(UInt64)
        case publish(AMQPMessage, Confirmation)
        case close
    }

    private struct Mailbox {
        var commands: [Command] = []
        /// Why the session has ended.
        var end: AMQPError?
    }

    public let node: AMQPEndpoint.Node
    /// What the server delivers; ends with the session's error. At most the prefetch waits in it.
    public let deliveries: AsyncThrowingStream<AMQPDelivery, any Error>
    private let arrivals: AsyncThrowingStream<AMQPDelivery, any Error>.Continuation
    private let mailbox = Mutex(Mailbox())
    private let wakeup: Descriptor
    private let ended = AsyncStream<Void>.makeStream()
    private let limits: AMQPLimits

    /// Opens a session at the node, with everything that it needs there.
    /// - Throws: `AMQPError`
    public static func open(
        _ endpoint: AMQPEndpoint, at node: AMQPEndpoint.Node, _ needs: AMQPNeeds,
        limits: AMQPLimits = AMQPLimits()
    ) async throws -> AMQPSession {
        let session = try AMQPSession(node, limits)
        try await withCheckedThrowingContinuation { opening in
            do throws(SystemError) {
                try OwnThread.start { session.run(endpoint, needs, opening) }
            } catch { opening.resume(throwing: error) }
        }
        return session
    }

    /// At the first node that can be used.
    /// - Parameter first: where to begin, counted over all calls.
    /// - Throws: what the last node said.
    public static func open(
        _ endpoint: AMQPEndpoint, from first: Int, _ needs: AMQPNeeds,
        limits: AMQPLimits = AMQPLimits()
    ) async throws -> AMQPSession {
        var failure = AMQPError(.other, "no server of RabbitMQ is configured")
        for offset in endpoint.nodes.indices {
            let node = endpoint.nodes[
                (first % endpoint.nodes.count + offset) % endpoint.nodes.count]
            do { return try await open(endpoint, at: node, needs, limits: limits) } catch let error
                as AMQPError
            { failure = error }
        }
        throw failure
    }

    private init(_ node: AMQPEndpoint.Node, _ limits: AMQPLimits) throws {
        self.node = node
        self.limits = limits
        wakeup = Descriptor(owning: try checked(aib_eventfd_create(), "cannot create eventfd"))
        (deliveries, arrivals) = AsyncThrowingStream.makeStream()
    }

    // MARK: Commands

    /// The server forgets the message.
    public func acknowledge(_ tag: UInt64) { _ = post(.acknowledge(tag)) }

    /// The server moves the message to the dead-letter exchange of its queue, or forgets it if
    /// there is none.
    public func reject(_ tag: UInt64) { _ = post(.reject(tag)) }

    /// Returns once the server has stored the message in every queue that takes it.
    /// - Throws: `AMQPError`
    public func publish(_ message: AMQPMessage) async throws {
        try await withCheckedThrowingContinuation { continuation in
            if let end = post(.publish(message, continuation)) {
                continuation.resume(throwing: end)
            }
        }
    }

    /// Ends the session; what is not settled is delivered to the next consumer.
    public func close() async {
        _ = post(.close)
        for await _ in ended.stream {}
    }

    /// - Returns: why the session has ended, if it has.
    private func post(_ command: Command) -> AMQPError? {
        let end = mailbox.withLock { mailbox -> AMQPError? in
            if mailbox.end == nil { mailbox.commands.append(command) }
            return mailbox.end
        }
        if end == nil { _ = aib_eventfd_signal(wakeup.raw) }
        return end
    }

    // MARK: Thread

    private func run(
        _ endpoint: AMQPEndpoint, _ needs: AMQPNeeds,
        _ opening: CheckedContinuation<Void, any Error>
    ) {
        let wire: AMQPWire
        do throws(AMQPError) {
            wire = try AMQPWire(endpoint, node, needs, limits)
        } catch {
            finish(error, [:])
            return opening.resume(throwing: error)
        }
        opening.resume()
        var confirms = AMQPConfirms(limits)
        do throws(AMQPError) {
            while true {
                try perform(wire, &confirms)
                while let event = try wire.next() { take(event, &confirms) }
                confirms.expire(at: Clocks.monotonicMilliseconds())
                wait(wire)
            }
        } catch {
            if error.code != .closed { wire.abandon() }
            finish(error, confirms.waiting)
        }
    }

    private func perform(_ wire: AMQPWire, _ confirms: inout AMQPConfirms) throws(AMQPError) {
        _ = aib_eventfd_drain(wakeup.raw)
        var commands = mailbox.withLock { mailbox in
            defer { mailbox.commands = [] }
            return mailbox.commands
        }
        while !commands.isEmpty {
            let command = commands.removeFirst()
            do throws(AMQPError) {
                switch command {
                case .acknowledge(let tag): try wire.acknowledge(tag)
                case .reject(let tag): try wire.reject(tag)
                case .publish(let message, let continuation):
                    let sequence = wire.nextSequence
                    guard confirms.add(sequence, message, continuation) else { continue }
                    _ = try wire.publish(message)
                case .close: throw AMQPError(.closed, "The connection to \(node) was closed")
                }
            } catch {
                // Those behind it find the session's end.
                let rest = commands
                mailbox.withLock { $0.commands = rest + $0.commands }
                throw error
            }
        }
    }

    private func take(_ event: AMQPEvent, _ confirms: inout AMQPConfirms) {
        switch event {
        case .delivered(let delivery): arrivals.yield(delivery)
        case .returned(let id): confirms.returned(id)
        case .confirmed(let number, let isMultiple, let isStored):
            confirms.confirmed(number, isMultiple: isMultiple, isStored: isStored, at: node)
        case .publishingClosed(let error): confirms.failAll(error)
        }
    }

    /// At most for a second, so that heartbeats are sent and missed.
    private func wait(_ wire: AMQPWire) {
        var watched = [
            pollfd(fd: wire.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeup.raw, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&watched, nfds_t(watched.count), 1_000)
    }

    private func finish(_ error: AMQPError, _ waiting: [UInt64: AMQPConfirms.Waiting]) {
        let commands = mailbox.withLock { mailbox in
            mailbox.end = error
            defer { mailbox.commands = [] }
            return mailbox.commands
        }
        for case .publish(_, let continuation) in commands { continuation.resume(throwing: error) }
        for one in waiting.values { one.continuation.resume(throwing: error) }
        arrivals.finish(throwing: error.code == .closed ? nil : error)
        ended.continuation.finish()
    }
}
