import Glibc
import ProcessKit
import Support

/// Clients that ask an HTTP server on loopback for something and then do not read the answer.
public final class SilentClients: Sendable {
    private let sockets: [Int32]

    public init(_ count: Int, port: UInt16, path: String) throws {
        DescriptorLimit.raise(to: count + 4096)
        let request = Array("GET \(path) HTTP/1.1\r\nHost: farm\r\n\r\n".utf8)
        var sockets: [Int32] = []
        for _ in 0..<count {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard client >= 0 else { throw SystemError.last("socket") }
            sockets.append(client)
            // Little, so that the server's side fills soon.
            var size: Int32 = 4096
            setsockopt(client, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard code == 0 else { throw SystemError.last("cannot connect") }
            guard send(client, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                throw SystemError.last("cannot ask")
            }
        }
        self.sockets = sockets
    }

    deinit { for socket in sockets { close(socket) } }

    /// How many have been sent something and still are connected.
    public var answered: Int {
        sockets.count { socket in
            var byte: UInt8 = 0
            return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 1
        }
    }
}
