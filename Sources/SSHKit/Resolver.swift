import CLinux
import Glibc
import LoopKit

/// Names to socket addresses.
enum Resolver {
    /// A `sockaddr` of any family.
    typealias Address = [UInt8]

    /// - Throws: `SSHError` (`nameUnknown`, `timedOut`), `CancellationError`.
    static func addresses(
        of endpoint: SSHEndpoint, deadlineMilliseconds: Int64, loop: EventLoop
    ) async throws -> [Address] {
        let (host, port) = (endpoint.host, endpoint.port)
        // An address needs no name server, so it need not wait for a thread.
        if case .success(let numeric) = lookUp(host, port, flags: Int32(AI_NUMERICHOST)) {
            return numeric
        }
        let answer = try await BlockingThreads.run(
            loop: loop, deadlineMilliseconds: deadlineMilliseconds
        ) { lookUp(host, port, flags: Int32(AI_ADDRCONFIG)) }
        switch answer {
        case .success(let addresses): return addresses
        case .failure(let failure):
            throw SSHError(
                failure.code == EAI_AGAIN ? .unreachable : .nameUnknown,
                "The name \(host) cannot be resolved. Check its spelling and the name service of "
                    + "this machine (`getent hosts \(host)`).",
                cause: LibraryError(
                    "getaddrinfo", code: failure.code,
                    String(cString: gai_strerror(failure.code))))
        case nil:
            throw SSHError(
                .timedOut,
                "The name \(host) was not resolved in time: the name service of this machine does "
                    + "not answer.")
        }
    }

    private struct LookUpFailure: Error {
        var code: Int32
    }

    private static func lookUp(
        _ host: String, _ port: UInt16, flags: Int32
    ) -> Result<[Address], LookUpFailure> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            return .failure(LookUpFailure(code: code))
        }
        defer { freeaddrinfo(list) }
        var addresses: [Address] = []
        var next = list
        while let info = next?.pointee {
            let bytes = UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen))
            addresses.append(Array(bytes))
            next = info.ai_next
        }
        return .success(addresses)
    }
}
