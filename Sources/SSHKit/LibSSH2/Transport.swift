import Glibc

/// The socket as libssh2 sees it. libssh2's own use of a socket cannot carry several channels:
/// while a packet is half sent, any other packet (a window adjustment, a rekey, a reply that its
/// reader owes) is an error, and a cancelled writer leaves the session in that state for good. So
/// sending always succeeds here: what the socket does not accept is buffered and sent by the
/// connection.
///
/// Receiving never fails: the end of the stream is kept in `ending`, so that what has arrived is
/// read first. It pauses after some bytes, so that one session does not block the others of its
/// loop. Only the loop's thread uses this.
final class Transport {
    let fd: Int32
    private(set) var receivedBytes: UInt64 = 0
    private(set) var ending: SocketEnding?
    /// Set when the session is about to be freed: libssh2 must not wait for anything then.
    var isAbandoned = false
    private var budgetBytes = 0
    private var output: [UInt8] = []
    private var outputStart = 0

    init(fd: Int32) { self.fd = fd }

    var hasOutput: Bool { outputStart < output.count }

    /// Must be called before each libssh2 call.
    func renewBudget() { budgetBytes = SSHLimits.receiveBytesAtOnce }

    /// A count, or -errno, as libssh2 expects.
    func receive(_ buffer: UnsafeMutableRawPointer, _ length: Int) -> Int {
        if isAbandoned { return -Int(ECONNRESET) }
        guard ending == nil, budgetBytes > 0 else { return -Int(EAGAIN) }
        let count = recv(fd, buffer, length, 0)
        if count > 0 {
            receivedBytes += UInt64(count)
            budgetBytes -= count
            return count
        }
        if count == 0 {
            ending = .endOfStream
        } else if errno != EAGAIN && errno != EINTR {
            ending = .failed(errno: errno)
        }
        return -Int(EAGAIN)
    }

    /// Accepts everything.
    func send(_ buffer: UnsafeRawPointer, _ length: Int) -> Int {
        if isAbandoned { return -Int(ECONNRESET) }
        let sent = hasOutput ? 0 : sendNow(buffer, length)
        if sent < length {
            output += UnsafeRawBufferPointer(start: buffer + sent, count: length - sent)
            if output.count > SSHLimits.outputBytes { ending = .failed(errno: ENOBUFS) }
        }
        return length
    }

    /// Sends buffered output, as far as the socket accepts it.
    func flush() {
        let sent = output.withUnsafeBytes { bytes -> Int in
            guard let base = bytes.baseAddress, hasOutput else { return 0 }
            return sendNow(base + outputStart, bytes.count - outputStart)
        }
        outputStart += sent
        if !hasOutput {
            output.removeAll(keepingCapacity: true)
            outputStart = 0
        }
    }

    private func sendNow(_ buffer: UnsafeRawPointer, _ length: Int) -> Int {
        let count = Glibc.send(fd, buffer, length, Int32(MSG_NOSIGNAL))
        if count >= 0 { return count }
        if errno == EAGAIN || errno == EINTR { return 0 }
        // What the host sent before can still be read, and may contain the reason.
        if receivedAll { ending = .failed(errno: errno) }
        return length
    }

    /// Everything that arrived was read.
    private var receivedAll: Bool {
        var byte: UInt8 = 0
        let code = errno
        defer { errno = code }
        return recv(fd, &byte, 1, Int32(MSG_PEEK)) <= 0
    }
}
