import CSSH2
import Glibc

/// Makes libssh2 wait for a signature as it waits for the socket: its callback stores the data to
/// sign and returns "would block" until the signature is available.
final class PendingSignature {
    private enum State {
        case idle
        case requested([UInt8])
        case waiting
        case answered([UInt8]?)
    }

    private var state = State.idle

    /// Continues the login; `LIBSSH2_ERROR_EAGAIN` while it waits for the socket or a signature.
    func authenticate(_ session: OpaquePointer, _ user: String, _ publicKey: [UInt8]) -> Int32 {
        var abstract: UnsafeMutableRawPointer? = Unmanaged.passUnretained(self).toOpaque()
        return libssh2_userauth_publickey(
            session, user, publicKey, publicKey.count,
            { _, signature, length, data, dataLength, abstract in
                guard let pending = abstract?.pointee, let data, let signature, let length else {
                    return LIBSSH2_ERROR_BAD_USE
                }
                return Unmanaged<PendingSignature>.fromOpaque(pending).takeUnretainedValue()
                    .sign(UnsafeBufferPointer(start: data, count: dataLength), signature, length)
            }, &abstract)
    }

    /// The data to sign, returned once.
    func takeRequest() -> [UInt8]? {
        guard case .requested(let data) = state else { return nil }
        state = .waiting
        return data
    }

    /// nil: there will be no signature.
    func answer(_ signature: [UInt8]?) { state = .answered(signature) }

    private func sign(
        _ data: UnsafeBufferPointer<UInt8>,
        _ signature: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>,
        _ length: UnsafeMutablePointer<Int>
    ) -> Int32 {
        switch state {
        case .idle:
            state = .requested(Array(data))
            return LIBSSH2_ERROR_EAGAIN
        case .requested, .waiting:
            return LIBSSH2_ERROR_EAGAIN
        case .answered(nil):
            return LIBSSH2_ERROR_AUTHENTICATION_FAILED
        case .answered(let bytes?):
            // libssh2 frees it.
            guard let copy = malloc(bytes.count + 1) else { return LIBSSH2_ERROR_ALLOC }
            memcpy(copy, bytes, bytes.count)
            signature.pointee = copy.assumingMemoryBound(to: UInt8.self)
            length.pointee = bytes.count
            return 0
        }
    }
}
