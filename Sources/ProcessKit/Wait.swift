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

/// A counter that makes a waiting thread return: set by a task, waited for with `Wait`.
public struct WakeUp: ~Copyable, Sendable {
    public let descriptor: Descriptor

    public init() throws(SystemError) {
        descriptor = Descriptor(
            owning: try checked(aib_eventfd_create(), "cannot create an eventfd"))
    }

    public func signal() { _ = aib_eventfd_signal(descriptor.raw) }
    public func clear() { _ = aib_eventfd_drain(descriptor.raw) }
}
