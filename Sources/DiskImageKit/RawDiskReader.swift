import CNBD
import Glibc
public import Support

/// Reads the disk that a guest would see from a qcow2 image: what `qemu-img convert -O raw` would
/// write, without a copy on disk. Lives on the thread that made it.
public final class RawDiskReader: ByteReader {
    private struct Request {
        var buffer: UnsafeMutableRawBufferPointer
        var cookie: Int64
        var count: Int
    }

    private let path: String
    private let server: ImageServer
    private let handle: OpaquePointer
    private let sizeBytes: Int64
    private var asked: Int64 = 0
    /// Oldest first.
    private var requests: [Request] = []
    private var taken = 0

    /// - Parameter sha256: the digest of the image file, which is checked before any program opens
    ///   the image.
    public init(qcow2 path: String, sha256: String) throws {
        let size = try QCOW2Header(file: path).virtualSizeBytes
        guard try SHA256.file(path) == sha256 else {
            throw DiskImageError(
                .changed,
                "\(path) has another SHA-256 than when it was published, so it is not sent: check "
                    + "the disk it is on, and make the image again")
        }
        let (server, socket) = try ImageServer.start(path, format: "qcow2")
        guard let handle = nbd_create() else {
            close(socket)
            throw DiskImageError(.unreadable, "cannot read \(path): out of memory")
        }
        self.path = path
        self.server = server
        self.handle = handle
        self.sizeBytes = size
        guard nbd_connect_socket(handle, socket) == 0 else { throw failed("cannot open") }
        guard nbd_get_size(handle) == size else {
            throw DiskImageError(
                .invalid,
                "\(path) claims to be a disk of \(size) bytes, and qemu-nbd reads "
                    + "\(nbd_get_size(handle))")
        }
        for _ in 0..<DiskImageLimits.requests {
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: DiskImageLimits.requestBytes, alignment: 4096)
            requests.append(Request(buffer: buffer, cookie: -1, count: 0))
        }
        for index in requests.indices { try ask(&requests[index]) }
    }

    deinit {
        // The handle first: it may still write into the buffers.
        nbd_close(handle)
        for request in requests { request.buffer.deallocate() }
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard requests[0].count > 0 else { return 0 }
        try waitForOldest()
        let rest = UnsafeRawBufferPointer(requests[0].buffer)[taken..<requests[0].count]
        let count = min(rest.count, buffer.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
        taken += count
        if taken == requests[0].count {
            var free = requests.removeFirst()
            taken = 0
            defer { requests.append(free) }
            try ask(&free)
        }
        return count
    }

    /// Requests the next bytes of the disk, if there are any.
    private func ask(_ request: inout Request) throws {
        request.count = Int(min(Int64(request.buffer.count), sizeBytes - asked))
        request.cookie = -1
        guard request.count > 0 else { return }
        request.cookie = nbd_aio_pread(
            handle, request.buffer.baseAddress, request.count, UInt64(asked),
            nbd_completion_callback(), 0)
        guard request.cookie >= 0 else { throw failed("cannot read") }
        asked += Int64(request.count)
    }

    private func waitForOldest() throws {
        guard requests[0].cookie >= 0 else { return }
        let deadline =
            Clocks.monotonicMilliseconds() + Int64(DiskImageLimits.requestSeconds * 1000)
        while true {
            switch nbd_aio_command_completed(handle, UInt64(requests[0].cookie)) {
            case 1:
                requests[0].cookie = -1
                return
            case 0: break
            default: throw failed("cannot read")
            }
            guard Clocks.monotonicMilliseconds() < deadline else {
                throw DiskImageError(
                    .unreadable,
                    "cannot read \(path): no response for \(DiskImageLimits.requestSeconds) s. "
                        + "Check the disk it is on")
            }
            guard nbd_poll(handle, 1000) >= 0 else { throw failed("cannot read") }
        }
    }

    private func failed(_ what: String) -> DiskImageError {
        let reason = nbd_get_error().map { String(cString: $0) } ?? "no reason is given"
        let words = server.lastMessage()
        return DiskImageError(
            .unreadable, "\(what) \(path): \(words.isEmpty ? reason : words)")
    }
}
