import CMicroHTTPD

/// A connection of the library, with the calls that other threads may make.
///
/// Sendable although it is a pointer: the library frees a connection only after the callback for
/// its completed request, and never while it is suspended. `Exchange` and `StreamBody` call
/// `resume` only under their lock and only if the flag under that lock says "suspended"; the flag
/// is cleared first. `suspend` is called only from the library's callbacks for the connection.
struct ConnectionHandle: @unchecked Sendable {
    let raw: OpaquePointer

    func suspend() { MHD_suspend_connection(raw) }
    func resume() { MHD_resume_connection(raw) }

    /// The socket, which stays the library's.
    var descriptor: Int32 { aib_mhd_descriptor(raw) }

    /// Limits what the kernel buffers for the client. Only from a callback.
    func boundSendBuffer(_ bytes: Int) {
        aib_mhd_bound_send_buffer(raw, Int32(clamping: bytes))
    }

    /// Numeric; an IPv4 peer of an IPv6 socket is written as IPv4.
    var peer: String {
        var text = [CChar](repeating: 0, count: 128)
        aib_mhd_peer(raw, &text, text.count)
        let name = String(
            decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let mapped = "::ffff:".utf8
        return name.utf8.starts(with: mapped)
            ? String(decoding: name.utf8.dropFirst(mapped.count), as: UTF8.self) : name
    }
}
