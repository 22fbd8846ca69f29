import CLinux
import Glibc
public import Support

/// Blocking waits for descriptors.
public enum Wait {
    /// Blocks until one of `descriptors` is readable or at its end, or until `timeoutMilliseconds`
    /// have passed (-1: no limit). Negative descriptors are skipped.
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
