import CCurl
import Glibc

/// Opens the sockets of one transfer, to the addresses that its filter allows.
final class SocketOpener {
    private let filter: AddressFilter
    private let shownURL: String
    /// Why a connection was not made; the library itself only says that there is none.
    private(set) var refusal: HTTPClientError?

    /// - Parameter easy: must not outlive this object.
    init(_ filter: AddressFilter, _ shownURL: String, _ easy: UnsafeMutableRawPointer) {
        self.filter = filter
        self.shownURL = shownURL
        aib_curl_on_open(easy, Self.onOpen, Unmanaged.passUnretained(self).toOpaque())
    }

    private static let onOpen: curl_opensocket_callback = { context, _, address in
        guard let context, let address else { return CURL_SOCKET_BAD }
        let opener = Unmanaged<SocketOpener>.fromOpaque(context).takeUnretainedValue()
        return opener.open(address.pointee)
    }

    private func open(_ address: curl_sockaddr) -> curl_socket_t {
        guard address.family == AF_INET else {
            refuse("an address that is not an IPv4 one")
            return CURL_SOCKET_BAD
        }
        var bytes = address.addr
        // Family, port, address.
        let port = withUnsafeBytes(of: &bytes) {
            UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
        let number = withUnsafeBytes(of: &bytes) {
            UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        }
        guard filter.allows(number, port) else {
            let parts = [24, 16, 8, 0].map { String(number >> UInt32($0) & 0xFF) }
            refuse(parts.joined(separator: "."))
            return CURL_SOCKET_BAD
        }
        let type = address.socktype | Int32(SOCK_CLOEXEC.rawValue)
        return socket(address.family, type, address.protocol)
    }

    private func refuse(_ shownAddress: String) {
        refusal = HTTPClientError(
            .addressForbidden, "\(shownURL) leads to \(shownAddress), which is closed")
    }
}
