//! TestSupport: what tests of several modules share: folders, ports, real servers on loopback. It
//! depends on no module's internals.

import Glibc
public import Support

/// A folder for one test, removed when the object is released.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws(SystemError) {
        // Short, because the path of a Unix socket is limited to 107 bytes.
        path = "/tmp/aib\(getpid())-\(UInt32.random(in: .min ... .max))"
        try Files.makeFolder(path, mode: 0o700)
    }

    deinit { try? Files.remove(path) }
}
