import CLinux
import Glibc
public import Support

/// Waiting for descriptors on a thread of one's own.
public enum Wait {
    /// Blocks until one of `descriptors` is readable or ended, or `timeoutMilliseconds` passed (-1:
    /// for ever). Negative descriptors are passed over.
    /// - Returns: for each descriptor, whether it is ready.
    public static func readable(
        _ descriptors: [Int32], timeoutMilliseconds: Int32
    ) throws(SystemError) -> [Bool] {
        let ready = try checked(
            aib_poll_readable(descriptors, Int32(descriptors.count), timeoutMilliseconds),
            "cannot poll")
        return descriptors.indices.map { ready & (1 << Int32($0)) != 0 }
    }
}

extension SystemError {
    var isTryAgain: Bool { errno == EAGAIN || errno == EWOULDBLOCK }
}
