import CRabbitMQ

extension AMQPWire {
    /// Opens the socket, with TLS if the endpoint has authorities.
    func connect(_ endpoint: AMQPEndpoint) throws(AMQPError) {
        let what = "Cannot connect to RabbitMQ at \(node)"
        let socket: OpaquePointer?
        if let authorities = endpoint.authorities {
            amqp_set_initialize_ssl_library(0)
            socket = amqp_ssl_socket_new(state)
            amqp_ssl_socket_set_verify_peer(socket, 1)
            amqp_ssl_socket_set_verify_hostname(socket, 1)
            amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
            let status = amqp_ssl_socket_set_cacert(socket, authorities)
            guard status == AMQP_STATUS_OK.rawValue else {
                throw .library(
                    status, "Cannot read the authorities in \(authorities)", code: .untrusted)
            }
        } else {
            socket = amqp_tcp_socket_new(state)
        }
        guard socket != nil else { throw AMQPError(.other, "\(what): out of memory") }
        let status = aib_amqp_open(
            socket, node.host, Int32(node.port), Int32(limits.answerSeconds))
        switch status {
        case AMQP_STATUS_OK.rawValue: return
        case AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue:
            throw .library(
                status,
                "\(what). No trusted authority signed its certificate. Check ca_file.",
                code: .untrusted)
        case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue:
            throw .library(
                status,
                "\(what). Its certificate does not name \(node.host). Use a name "
                    + "of the certificate.",
                code: .untrusted)
        case AMQP_STATUS_SSL_ERROR.rawValue, AMQP_STATUS_SSL_CONNECTION_FAILED.rawValue:
            throw .library(
                status,
                "\(what). The TLS handshake failed. Check that this is its TLS port, and ca_file.",
                code: .untrusted)
        default:
            throw .library(
                status, "\(what). Check that it runs, and that nothing keeps its port closed.",
                code: .unreachable)
        }
    }
}
