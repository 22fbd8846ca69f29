import Support

/// The messages that were published and not confirmed yet.
struct AMQPConfirms {
    struct Waiting {
        var messageID: String
        /// What the caller reads in errors.
        var target: String
        var isReturned = false
        var deadline: Int64
        var continuation: AMQPSession.Confirmation
    }

    private(set) var waiting: [UInt64: Waiting] = [:]
    private let limits: AMQPLimits

    init(_ limits: AMQPLimits) { self.limits = limits }

    /// - Returns: `false` if too many wait; the caller was told.
    mutating func add(
        _ number: UInt64, _ message: AMQPMessage, _ continuation: AMQPSession.Confirmation
    ) -> Bool {
        guard waiting.count < limits.unconfirmed else {
            continuation.resume(
                throwing: AMQPError(
                    .unconfirmed, "\(limits.unconfirmed) messages wait for their confirmation"))
            return false
        }
        let target =
            message.exchange.isEmpty
            ? "the queue \(message.routingKey)"
            : "the exchange \(message.exchange) with the routing key \(message.routingKey)"
        waiting[number] = Waiting(
            messageID: message.messageID, target: target,
            deadline: Clocks.monotonicMilliseconds() + Int64(limits.confirmSeconds) * 1000,
            continuation: continuation)
        return true
    }

    /// The server sends it back before it confirms it.
    mutating func returned(_ messageID: String) {
        let number = waiting.filter { $0.value.messageID == messageID && !$0.value.isReturned }
            .keys.min()
        if let number { waiting[number]?.isReturned = true }
    }

    mutating func confirmed(
        _ number: UInt64, isMultiple: Bool, isStored: Bool, at node: AMQPEndpoint.Node
    ) {
        let numbers = isMultiple ? waiting.keys.filter { $0 <= number } : [number]
        for number in numbers {
            guard let one = waiting.removeValue(forKey: number) else { continue }
            if one.isReturned {
                one.continuation.resume(
                    throwing: AMQPError(
                        .unroutable,
                        "RabbitMQ at \(node) has no queue for a message to \(one.target)"))
            } else if isStored {
                one.continuation.resume()
            } else {
                one.continuation.resume(
                    throwing: AMQPError(
                        .unconfirmed,
                        "RabbitMQ at \(node) did not store a message to \(one.target): the queue "
                            + "may be full"))
            }
        }
    }

    mutating func expire(at now: Int64) {
        for (number, one) in waiting where one.deadline <= now {
            waiting[number] = nil
            one.continuation.resume(
                throwing: AMQPError(
                    .unconfirmed,
                    "RabbitMQ did not confirm a message to \(one.target) within "
                        + "\(limits.confirmSeconds) s"))
        }
    }

    mutating func failAll(_ error: AMQPError) {
        for one in waiting.values { one.continuation.resume(throwing: error) }
        waiting = [:]
    }
}
