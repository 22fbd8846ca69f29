import CMicroHTTPD
import Glibc
import HTTPTypes
import Support

/// Converts a response to the library's and queues it. Runs on the library's threads, where opening
/// a file does not block a handler.
struct ResponseWriter {
    let connection: ConnectionHandle

    /// - Parameter isLast: the connection is closed after it.
    /// - Returns: whether the library accepted it (if not, the connection must be closed), and the
    ///   streamed body, if there is one.
    func send(
        _ response: HTTPResponse, isLast: Bool
    ) -> (taken: Bool, stream: StreamBody?) {
        var response = response
        var made = make(response.body)
        if made == nil {
            response = Problem.internalError("The file cannot be read").response
            made = make(response.body)
        }
        guard let made else { return (false, nil) }
        defer { MHD_destroy_response(made.raw) }
        if isLast { response.headers.set("Connection", "close") }
        for (name, value) in response.headers.fields {
            // Refused by the library: a line break in a name or value. Never sent in part.
            guard MHD_add_response_header(made.raw, name, value) == MHD_Result.YES else {
                return (false, nil)
            }
        }
        let queued = MHD_queue_response(connection.raw, UInt32(clamping: response.status), made.raw)
        return (queued == MHD_Result.YES, made.stream)
    }

    private func make(_ body: HTTPBody) -> (raw: OpaquePointer, stream: StreamBody?)? {
        switch body {
        case .bytes(let bytes):
            let raw = bytes.withUnsafeBytes {
                MHD_create_response_from_buffer(
                    $0.count, UnsafeMutableRawPointer(mutating: $0.baseAddress),
                    MHD_ResponseMemoryMode.RESPMEM_MUST_COPY)
            }
            return raw.map { ($0, nil) }
        case .file(let slice): return open(slice).map { ($0, nil) }
        case .stream(let source):
            connection.boundSendBuffer(HTTPServerLimits.streamSendBytes)
            let stream = StreamBody(source, connection)
            let kept = Unmanaged.passRetained(stream)
            let raw = MHD_create_response_from_callback(
                AIB_MHD_SIZE_UNKNOWN, 32 << 10, Callbacks.readStream, kept.toOpaque(),
                Callbacks.closeStream)
            guard let raw else {
                kept.release()
                return nil
            }
            return (raw, stream)
        }
    }

    /// `nil` if the file is gone, is not a regular file, or has become shorter than announced.
    private func open(_ slice: FileSlice) -> OpaquePointer? {
        // O_NONBLOCK: a FIFO in place of the file must not block this thread.
        guard let file = try? Descriptor(slice.path, O_RDONLY | O_NONBLOCK) else { return nil }
        var info = stat()
        guard fstat(file.raw, &info) == 0, info.st_mode & S_IFMT == S_IFREG,
            slice.offset >= 0, slice.lengthBytes >= 0,
            Int64(info.st_size) - slice.offset >= slice.lengthBytes
        else { return nil }
        let descriptor = file.release()
        let raw = MHD_create_response_from_fd_at_offset64(
            UInt64(slice.lengthBytes), descriptor, UInt64(slice.offset))
        if raw == nil { close(descriptor) }
        return raw
    }
}
