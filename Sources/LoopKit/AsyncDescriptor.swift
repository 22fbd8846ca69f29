import CLinux
import Glibc
public import Support
import Synchronization

/// A non-blocking byte stream (socket, pipe, terminal) on a loop. One task may read while another
/// writes; two readers, or two writers, would share the bytes in no defined order.
///
/// There are no buffers but the kernel's: a writer waits while the peer does not read. A program
/// that writes to pipes ignores SIGPIPE (sockets never raise it here).
public final class AsyncDescriptor: Sendable {
    /// -1 if closed. System calls are made under the lock, so that none uses a descriptor number
    /// that has been closed and reused.
    private let fd: Mutex<Int32>
    private let number: Int32
    private let isSocket: Bool
    private let loop: EventLoop

    /// Takes ownership of `descriptor`, makes it non-blocking and closes it at the end.
    public init(_ descriptor: consuming Descriptor, loop: EventLoop) throws(SystemError) {
        try checked(aib_set_nonblocking(descriptor.raw), "cannot make a descriptor non-blocking")
        isSocket = aib_is_socket(descriptor.raw) == 1
        number = descriptor.release()
        fd = Mutex(number)
        self.loop = loop
    }

    deinit { close() }

    /// The next bytes, at most `limitBytes`; empty at the end of the stream.
    public func read(upTo limitBytes: Int) async throws -> [UInt8] {
        while true {
            if let bytes = try readNow(limitBytes) { return bytes }
            try await wait(for: .readable)
        }
    }

    /// Returns when the kernel has accepted all of `bytes`.
    public func write(_ bytes: [UInt8]) async throws {
        var done = 0
        while done < bytes.count {
            if let count = try writeNow(bytes, from: done) {
                done += count
            } else {
                try await wait(for: .writable)
            }
        }
    }

    /// Sends the end of the stream to the peer of a socket; reading continues.
    public func shutdownWrite() throws(SystemError) {
        let code = fd.withLock { fd in shutdown(fd, Int32(SHUT_WR)) == 0 ? 0 : errno }
        if code != 0 { throw SystemError(errno: code, "cannot shut a socket down") }
    }

    /// Closes the stream. Tasks that read or write get an error. Idempotent.
    public func close() {
        let open = fd.withLock { fd in
            defer { fd = -1 }
            return fd
        }
        guard open >= 0 else { return }
        loop.forget(fd: open)
        _ = Glibc.close(open)
    }

    /// nil: nothing yet.
    private func readNow(_ limitBytes: Int) throws(SystemError) -> [UInt8]? {
        var code: Int32 = 0
        let bytes = fd.withLock { fd in
            [UInt8](unsafeUninitializedCapacity: limitBytes) { buffer, count in
                let got = Glibc.read(fd, buffer.baseAddress, limitBytes)
                if got < 0 { code = errno }
                count = max(0, got)
            }
        }
        return try Self.isDone(code, "cannot read") ? bytes : nil
    }

    /// nil: no room yet.
    private func writeNow(_ bytes: [UInt8], from start: Int) throws(SystemError) -> Int? {
        let (count, code) = fd.withLock { fd in
            bytes.withUnsafeBytes { raw in
                let rest = UnsafeRawBufferPointer(rebasing: raw[start...])
                let count =
                    isSocket
                    ? send(fd, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                    : Glibc.write(fd, rest.baseAddress, rest.count)
                return (count, count < 0 ? errno : 0)
            }
        }
        return try Self.isDone(code, "cannot write") ? count : nil
    }

    private static func isDone(_ code: Int32, _ what: String) throws(SystemError) -> Bool {
        switch code {
        case 0: return true
        case EAGAIN, EINTR: return false
        default: throw SystemError(errno: code, what)
        }
    }

    private func wait(for interest: Interest) async throws {
        _ = try await loop.wait(
            fd: number, for: interest, nil,
            unless: { fd.withLock { fd in fd < 0 } })
    }
}
