//! Support: what every module that uses the system needs: errors, descriptors, durable files,
//! digests, clocks, a daemon's log. Independent of images, builds and hosts.

import CLinux
@_exported public import ErrorKit
import Glibc

/// A failed system call, with a message that a person can act on.
public struct SystemError: Error, Sendable, Hashable {
    public var errno: Int32
    /// What was tried, to what: `"cannot write /var/lib/x"`.
    public var what: String

    public init(errno: Int32, _ what: String) {
        self.errno = errno
        self.what = what
    }

    /// The error that the last failed Glibc call left.
    public static func last(_ what: String) -> SystemError {
        SystemError(errno: Glibc.errno, what)
    }

    public var isDiskFull: Bool { errno == ENOSPC || errno == EDQUOT }
}

extension SystemError: CustomStringConvertible {
    public var description: String { "\(what): \(String(cString: strerror(errno)))" }
}

/// Returns `code`, or throws if a CLinux function returned `-errno`.
@discardableResult
public func checked(_ code: Int32, _ what: @autoclosure () -> String) throws(SystemError) -> Int32 {
    guard code < 0 else { return code }
    throw SystemError(errno: -code, what())
}
