import CRabbitMQ
import Glibc
import Support

/// One open connection to a server: channel 1 consumes, channel 2 publishes. Every call blocks; not
/// `Sendable`, it lives on the thread of its session.
final class AMQPWire {
    static let consuming: amqp_channel_t = 1
    static let publishing: amqp_channel_t = 2

    let node: AMQPEndpoint.Node
    let state: amqp_connection_state_t
    let limits: AMQPLimits
    private var isOpen = false
    private var assembly: [amqp_channel_t: AMQPAssembly] = [:]
    /// Of the next message that is published.
    private(set) var nextSequence: UInt64 = 1

    /// - Throws: `AMQPError` that names the node and what to do.
    init(
        _ endpoint: AMQPEndpoint, _ node: AMQPEndpoint.Node, _ needs: AMQPNeeds,
        _ limits: AMQPLimits
    ) throws(AMQPError) {
        guard let state = amqp_new_connection() else {
            throw AMQPError(.other, "librabbitmq cannot be initialised: out of memory")
        }
        self.state = state
        self.node = node
        self.limits = limits
        aib_amqp_limit(state, Int32(limits.answerSeconds))
        try connect(endpoint)
        try logIn(endpoint)
        isOpen = true
        try openChannel(Self.consuming)
        try openPublishing()
        try check(needs, endpoint)
        try consume(needs)
    }

    deinit {
        if isOpen { amqp_connection_close(state, AMQP_REPLY_SUCCESS) }
        amqp_destroy_connection(state)
    }

    var descriptor: Int32 { amqp_get_sockfd(state) }

    /// The connection is broken: closing it would only wait.
    func abandon() { isOpen = false }

    // MARK: Setup

    private func logIn(_ endpoint: AMQPEndpoint) throws(AMQPError) {
        let reply = aib_amqp_login(
            state, endpoint.vhost, 16, Int32(limits.frameBytes), Int32(limits.heartbeatSeconds),
            endpoint.name, endpoint.user, endpoint.password)
        let user = "\(endpoint.user) at \(node)"
        do throws(AMQPError) {
            try check(reply, "Cannot log in to RabbitMQ as \(user)", .login)
        } catch {
            switch error.code {
            case .loginRefused:
                throw AMQPError(
                    .loginRefused,
                    "RabbitMQ at \(node) refuses the user \(endpoint.user) or its password. Check "
                        + "user and password_file.", cause: error.cause)
            case .vhostRefused:
                throw AMQPError(
                    .vhostRefused,
                    "RabbitMQ at \(node) does not let the user \(endpoint.user) into the virtual "
                        + "host \(endpoint.vhost). Check: rabbitmqctl list_permissions -p "
                        + "\(endpoint.vhost).", cause: error.cause)
            case .lost:
                throw AMQPError(
                    .unreachable,
                    "RabbitMQ at \(node) closed the connection during the login. Check that the "
                        + "port \(endpoint.authorities == nil ? "is not one for" : "is one for") "
                        + "TLS.", cause: error.cause)
            default: throw error
            }
        }
    }

    private func openChannel(_ channel: amqp_channel_t) throws(AMQPError) {
        amqp_channel_open(state, channel)
        try check(amqp_get_rpc_reply(state), "Cannot open a channel at \(node)", .setup)
    }

    private func openPublishing() throws(AMQPError) {
        try openChannel(Self.publishing)
        amqp_confirm_select(state, Self.publishing)
        try check(amqp_get_rpc_reply(state), "Cannot publish with confirms at \(node)", .setup)
        nextSequence = 1
    }

    /// The server's operator makes queues and exchanges, with the policies that suit them.
    private func check(_ needs: AMQPNeeds, _ endpoint: AMQPEndpoint) throws(AMQPError) {
        let texts = AMQPTexts()
        if let queue = needs.queue {
            amqp_queue_declare(
                state, Self.consuming, texts.bytes(queue), 1, 0, 0, 0, amqp_empty_table)
            try check(
                amqp_get_rpc_reply(state),
                "Cannot use the queue \(queue) of the virtual host \(endpoint.vhost) at \(node)",
                .setup)
        }
        for exchange in needs.exchanges where !exchange.isEmpty {
            amqp_exchange_declare(
                state, Self.consuming, texts.bytes(exchange), amqp_empty_bytes, 1, 0, 0, 0,
                amqp_empty_table)
            try check(
                amqp_get_rpc_reply(state),
                "Cannot use the exchange \(exchange) of the virtual host \(endpoint.vhost) at "
                    + "\(node)", .setup)
        }
    }

    private func consume(_ needs: AMQPNeeds) throws(AMQPError) {
        guard let queue = needs.queue else { return }
        let what = "Cannot consume the queue \(queue) at \(node)"
        let texts = AMQPTexts()
        amqp_basic_qos(state, Self.consuming, 0, UInt16(clamping: needs.prefetch), 0)
        try check(amqp_get_rpc_reply(state), what, .setup)
        amqp_basic_consume(
            state, Self.consuming, texts.bytes(queue), amqp_empty_bytes, 0, 0, 0,
            amqp_empty_table)
        try check(amqp_get_rpc_reply(state), what, .setup)
    }

    private func check(
        _ reply: amqp_rpc_reply_t, _ what: String, _ step: AMQPStep
    ) throws(AMQPError) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            throw closing(reply.reply, what, step)
                ?? AMQPError(.other, "\(what): method \(reply.reply.id)")
        default: throw .library(reply.library_error, what)
        }
    }

    /// - Returns: `nil` for another method than one that closes something.
    private func closing(
        _ method: amqp_method_t, _ what: String, _ step: AMQPStep
    ) -> AMQPError? {
        switch method.id {
        case AIB_AMQP_CONNECTION_CLOSE:
            let close = method.decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            return .server(
                Int(close.reply_code), close.reply_text.text(limits.textBytes), what, during: step)
        case AIB_AMQP_CHANNEL_CLOSE:
            let close = method.decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            return .server(
                Int(close.reply_code), close.reply_text.text(limits.textBytes), what, during: step)
        default: return nil
        }
    }

    // MARK: Sending

    func acknowledge(_ tag: UInt64) throws(AMQPError) {
        try sent(amqp_basic_ack(state, Self.consuming, tag, 0))
    }

    func reject(_ tag: UInt64) throws(AMQPError) {
        try sent(amqp_basic_reject(state, Self.consuming, tag, 0))
    }

    /// - Returns: the number by which the server confirms it.
    func publish(_ message: AMQPMessage) throws(AMQPError) -> UInt64 {
        let texts = AMQPTexts()
        var properties = amqp_basic_properties_t()
        properties._flags = AIB_AMQP_OF_A_MESSAGE
        properties.content_type = texts.bytes(message.contentType)
        properties.delivery_mode = UInt8(AMQP_DELIVERY_PERSISTENT.rawValue)
        properties.message_id = texts.bytes(message.messageID)
        properties.type = texts.bytes(message.type)
        properties.app_id = texts.bytes(message.appID)
        if let id = message.correlationID {
            properties._flags |= AIB_AMQP_HAS_CORRELATION_ID
            properties.correlation_id = texts.bytes(id)
        }
        try sent(
            amqp_basic_publish(
                state, Self.publishing, texts.bytes(message.exchange),
                texts.bytes(message.routingKey), 1, 0, &properties, texts.bytes(message.body)))
        defer { nextSequence += 1 }
        return nextSequence
    }

    private func sent(_ status: Int32) throws(AMQPError) {
        guard status != AMQP_STATUS_OK.rawValue else { return }
        isOpen = false
        throw .library(status, "The connection to RabbitMQ at \(node) was lost")
    }

    // MARK: Receiving

    /// What has arrived; `nil` if nothing more has.
    func next() throws(AMQPError) -> AMQPEvent? {
        while true {
            var frame = amqp_frame_t()
            let status = aib_amqp_next_frame(state, &frame)
            if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
            guard status == AMQP_STATUS_OK.rawValue else {
                isOpen = false
                throw .library(status, "The connection to RabbitMQ at \(node) was lost")
            }
            let event = try take(frame)
            // Everything was copied; a large body would otherwise stay until its end.
            amqp_maybe_release_buffers(state)
            if let event { return event }
        }
    }

    private func take(_ frame: amqp_frame_t) throws(AMQPError) -> AMQPEvent? {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD:
            return try take(frame.payload.method, on: frame.channel)
        case AMQP_FRAME_HEADER:
            assembly[frame.channel]?.header(
                frame.payload.properties.body_size, frame.payload.properties.decoded, limits)
        case AMQP_FRAME_BODY:
            assembly[frame.channel]?.add(frame.payload.body_fragment, limits)
        default: return nil
        }
        guard let whole = assembly[frame.channel], whole.isWhole else { return nil }
        assembly[frame.channel] = nil
        return whole.event
    }

    private func take(
        _ method: amqp_method_t, on channel: amqp_channel_t
    ) throws(AMQPError) -> AMQPEvent? {
        switch method.id {
        case AIB_AMQP_BASIC_DELIVER:
            let deliver = method.decoded.assumingMemoryBound(to: amqp_basic_deliver_t.self).pointee
            assembly[channel] = AMQPAssembly(
                tag: deliver.delivery_tag, isRedelivered: deliver.redelivered != 0)
        case AIB_AMQP_BASIC_RETURN:
            assembly[channel] = AMQPAssembly(tag: nil, isRedelivered: false)
        case AIB_AMQP_BASIC_ACK:
            let ack = method.decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            return .confirmed(ack.delivery_tag, isMultiple: ack.multiple != 0, isStored: true)
        case AIB_AMQP_BASIC_NACK:
            let nack = method.decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            return .confirmed(nack.delivery_tag, isMultiple: nack.multiple != 0, isStored: false)
        case AIB_AMQP_BASIC_CANCEL:
            throw AMQPError(.missing, "The queue at \(node) was deleted")
        case AIB_AMQP_CHANNEL_CLOSE where channel == Self.publishing:
            let error = closing(method, "RabbitMQ at \(node) does not take the message", .session)
            try reopenPublishing()
            return .publishingClosed(error ?? AMQPError(.other))
        case AIB_AMQP_CHANNEL_CLOSE, AIB_AMQP_CONNECTION_CLOSE:
            if method.id == AIB_AMQP_CONNECTION_CLOSE { isOpen = false }
            throw closing(method, "RabbitMQ at \(node) ended the connection", .session)
                ?? AMQPError(.lost)
        default: break
        }
        return nil
    }

    /// After a message that the server did not like, consuming goes on.
    private func reopenPublishing() throws(AMQPError) {
        var answer = amqp_channel_close_ok_t()
        try sent(
            amqp_send_method(state, Self.publishing, AIB_AMQP_CHANNEL_CLOSE_OK, &answer))
        assembly[Self.publishing] = nil
        try openPublishing()
    }
}
