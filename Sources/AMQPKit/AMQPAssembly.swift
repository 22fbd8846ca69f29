import CRabbitMQ

/// What arrives at a session.
enum AMQPEvent {
    case delivered(AMQPDelivery)
    /// No queue takes the message with this id.
    case returned(messageID: String)
    case confirmed(UInt64, isMultiple: Bool, isStored: Bool)
    /// No message of the channel is confirmed any more; there is a new channel.
    case publishingClosed(AMQPError)
}

/// A message as its frames arrive, of which a large body is only counted.
struct AMQPAssembly {
    /// `nil`: one that comes back.
    var tag: UInt64?
    var isRedelivered: Bool
    private var size: UInt64?
    private var received: UInt64 = 0
    private var body: [UInt8] = []
    private var isKept = true
    private var messageID, correlationID, replyTo, userID: String?

    init(tag: UInt64?, isRedelivered: Bool) {
        self.tag = tag
        self.isRedelivered = isRedelivered
    }

    mutating func header(_ size: UInt64, _ decoded: UnsafeMutableRawPointer?, _ limits: AMQPLimits)
    {
        self.size = size
        isKept = size <= UInt64(limits.messageBytes)
        guard let decoded else { return }
        let properties = decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee
        func text(_ flag: amqp_flags_t, _ bytes: amqp_bytes_t) -> String? {
            properties._flags & flag == 0 ? nil : bytes.text(limits.textBytes)
        }
        messageID = text(AIB_AMQP_HAS_MESSAGE_ID, properties.message_id)
        correlationID = text(AIB_AMQP_HAS_CORRELATION_ID, properties.correlation_id)
        replyTo = text(AIB_AMQP_HAS_REPLY_TO, properties.reply_to)
        userID = text(AIB_AMQP_HAS_USER_ID, properties.user_id)
    }

    mutating func add(_ fragment: amqp_bytes_t, _ limits: AMQPLimits) {
        received += UInt64(fragment.len)
        guard isKept, received <= UInt64(limits.messageBytes) else { return isKept = false }
        body.append(contentsOf: UnsafeRawBufferPointer(start: fragment.bytes, count: fragment.len))
    }

    var isWhole: Bool { size.map { received >= $0 } ?? false }

    var event: AMQPEvent {
        guard let tag else { return .returned(messageID: messageID ?? "") }
        return .delivered(
            AMQPDelivery(
                tag: tag, isRedelivered: isRedelivered, messageID: messageID,
                correlationID: correlationID, replyTo: replyTo, userID: userID,
                body: isKept ? body : nil, bodyBytes: size ?? 0))
    }
}
