import Glibc
import ProcessKit
import Support

/// Clients that send an HTTP request to a server on loopback and then do not read the answer.
public final class SilentClients: Sendable {
    private let sockets: [Int32]

    public init(_ count: Int, port: UInt16, path: String, token: String? = nil) throws {
        DescriptorLimit.raise(to: count + 4096)
        let login = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(login)\r\n".utf8)
        var sockets: [Int32] = []
        for _ in 0..<count {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard client >= 0 else { throw SystemError.last("socket") }
            sockets.append(client)
            // Small, so that the server's send buffer fills soon.
            var size: Int32 = 4096
            setsockopt(client, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            guard LoopbackSocket.connect(client, port: port) else {
                throw SystemError.last("cannot connect")
            }
            guard send(client, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                throw SystemError.last("cannot send")
            }
        }
        self.sockets = sockets
    }

    deinit { for socket in sockets { close(socket) } }

    /// How many have received data and are still connected.
    public var answered: Int {
        sockets.count { socket in
            var byte: UInt8 = 0
            return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 1
        }
    }
}
