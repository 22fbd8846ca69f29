import Glibc
import ProcessKit
import Support
import Synchronization

/// A small HTTP server that misbehaves in the way that a test specifies.
final class MirrorServer: Sendable {
    struct Request: Sendable, Hashable {
        var path: String
        var range: Int?
        var hasTag: Bool
    }

    /// The answer to a request.
    enum Reply: Sendable {
        case status(Int)
        case redirect(String)
        /// The file, or the rest of it.
        case file
        /// This many bytes of the file, then the connection is closed.
        case cut(Int)
        /// This many bytes of the file, then nothing until the client disconnects.
        case stall(Int)
    }

    let file: [UInt8]
    let port: Int
    private let listener: Descriptor
    private let seen = Mutex<[Request]>([])
    private let reply: @Sendable (Request, Int) -> Reply

    /// - Parameter reply: to a request and its number, from 0.
    init(
        _ file: [UInt8], address number: UInt32 = 0x7F00_0001,
        reply: @escaping @Sendable (Request, Int) -> Reply
    ) throws {
        self.file = file
        self.reply = reply
        listener = Descriptor(
            owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(number).bigEndian
        let raw = listener.raw
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(raw, $0, length) == 0 && listen(raw, 64) == 0
                    && getsockname(raw, $0, &length) == 0
            }
        }
        guard code else { throw SystemError.last("cannot listen") }
        port = Int(in_port_t(bigEndian: address.sin_port))
        try OwnThread.start { [weak self] in
            while true {
                let peer = accept(raw, nil, nil)
                guard peer >= 0, let self else { return }
                try? OwnThread.start { self.serve(Descriptor(owning: peer)) }
            }
        }
    }

    deinit { shutdown(listener.raw, Int32(SHUT_RDWR)) }

    var requests: [Request] { seen.withLock { $0 } }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    private func serve(_ peer: consuming Descriptor) {
        guard let request = read(peer) else { return }
        let number = seen.withLock { seen in
            seen.append(request)
            return seen.count - 1
        }
        let offset = min(request.range ?? 0, file.count)
        let rest = file[offset...]
        var head = "HTTP/1.1 200 OK\r\n"
        if let range = request.range {
            head =
                "HTTP/1.1 206 Partial Content\r\n"
                + "Content-Range: bytes \(range)-\(file.count - 1)/\(file.count)\r\n"
        }
        head += "ETag: \"1\"\r\nContent-Length: \(rest.count)\r\nConnection: close\r\n\r\n"
        switch reply(request, number) {
        case .status(let status):
            send(peer, "HTTP/1.1 \(status) X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        case .redirect(let url):
            send(
                peer,
                "HTTP/1.1 302 Found\r\nLocation: \(url)\r\nContent-Length: 0\r\n"
                    + "Connection: close\r\n\r\n")
        case .file: send(peer, head, rest)
        case .cut(let count): send(peer, head, rest.prefix(count))
        case .stall(let count):
            send(peer, head, rest.prefix(count))
            var byte: UInt8 = 0
            _ = withUnsafeMutableBytes(of: &byte) { try? peer.read(into: $0) }
        }
    }

    private func read(_ peer: borrowing Descriptor) -> Request? {
        var text = ""
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
        defer { buffer.deallocate() }
        while !text.hasSuffix("\r\n\r\n") {
            guard let count = try? peer.read(into: buffer), count > 0 else { return nil }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        let lines = text.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }?
            .split(separator: "=").last?.split(separator: "-").first
        return Request(
            path: words.count > 1 ? String(words[1]) : "", range: range.flatMap { Int($0) },
            hasTag: lines.contains { $0.lowercased().hasPrefix("if-none-match:") })
    }

    private func send(
        _ peer: borrowing Descriptor, _ head: String, _ body: ArraySlice<UInt8> = []
    ) {
        // A client that disconnects must not kill the tests by SIGPIPE.
        var bytes = (Array(head.utf8) + body)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(peer.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
