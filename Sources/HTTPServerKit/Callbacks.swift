import CGnuTLS
import CMicroHTTPD
import HTTPTypes
import Support

/// The library's callbacks, called on its threads. A context pointer is a retained `ServerCore`,
/// `Exchange` or `StreamBody`, as documented at each.
enum Callbacks {
    /// Called for each new connection, which is closed at once if the answer is no.
    static let accept: MHD_AcceptPolicyCallback = { context, _, _ in
        guard let context else { return MHD_Result.NO }
        let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
        return core.acceptsConnections ? MHD_Result.YES : MHD_Result.NO
    }

    /// The request line has arrived. The library keeps the result as the request's context until
    /// `completed`, which it calls exactly once for each.
    static let begin:
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?
        ) -> UnsafeMutableRawPointer? = { context, target, connection in
            guard let context, let connection else { return nil }
            let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
            let exchange = core.begin(
                ConnectionHandle(raw: connection), target: target.map { String(cString: $0) } ?? "")
            return Unmanaged.passRetained(exchange).toOpaque()
        }

    static let step: MHD_AccessHandlerCallback = {
        _, _, _, method, version, upload, size, context in
        guard let pointer = context?.pointee, let size, let method, let version else {
            return MHD_Result.NO
        }
        let exchange = Unmanaged<Exchange>.fromOpaque(pointer).takeUnretainedValue()
        let bytes = UnsafeRawBufferPointer(start: upload, count: size.pointee)
        size.pointee = 0
        let continues = exchange.step(
            method: String(cString: method), version: String(cString: version), upload: bytes)
        return continues ? MHD_Result.YES : MHD_Result.NO
    }

    /// A connection was opened, or is about to be closed; the descriptor is valid in both cases.
    static let connection: MHD_NotifyConnectionCallback = { context, connection, kept, event in
        guard let context, let connection else { return }
        // For `certificates`, which gets no context of its own.
        kept?.pointee = context
        let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
        let handle = ConnectionHandle(raw: connection)
        if event == MHD_ConnectionNotificationCode.CONNECTION_NOTIFY_STARTED {
            core.opened(handle.descriptor, peer: handle.peer)
        } else {
            core.connections.closed(handle.descriptor)
        }
    }

    /// A handshake asks for the certificate, which may have been renewed since the last one.
    static let certificates: aib_mhd_certificates = {
        session, _, certificates, count, _, _, key, flags in
        guard let session, let connection = gnutls_session_get_ptr(session),
            let context = aib_mhd_socket_context(OpaquePointer(connection))
        else { return -1 }
        let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
        guard let identity = core.identity else { return -1 }
        return aib_tls_give(
            identity.chain, identity.chain.count, identity.key, identity.key.count, certificates,
            count, key, flags)
    }

    static let completed: MHD_RequestCompletedCallback = { context, _, request, _ in
        guard let context, let pointer = request?.pointee else { return }
        let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
        core.end(Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue())
        request?.pointee = nil
    }

    static let readStream: MHD_ContentReaderCallback = { context, _, buffer, capacity in
        guard let context, let buffer else { return AIB_MHD_END_WITH_ERROR }
        return Unmanaged<StreamBody>.fromOpaque(context).takeUnretainedValue()
            .read(into: buffer, capacity: capacity)
    }

    static let closeStream: MHD_ContentReaderFreeCallback = { context in
        guard let context else { return }
        Unmanaged<StreamBody>.fromOpaque(context).takeRetainedValue().close()
    }
}

extension ConnectionHandle {
    /// The header fields of the current request.
    var requestHeaders: HTTPHeaders {
        var headers = HTTPHeaders()
        withUnsafeMutablePointer(to: &headers) { pointer in
            _ = MHD_get_connection_values(raw, MHD_ValueKind.HEADER_KIND, Self.collect, pointer)
        }
        return headers
    }

    /// The context is a pointer to `HTTPHeaders`.
    private static let collect: MHD_KeyValueIterator = { context, _, name, value in
        if let context, let name {
            context.assumingMemoryBound(to: HTTPHeaders.self).pointee
                .append(String(cString: name), value.map { String(cString: $0) } ?? "")
        }
        return MHD_Result.YES
    }
}
