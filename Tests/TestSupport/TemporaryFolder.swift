//! TestSupport: what tests of several modules share: folders, ports, real servers on loopback.
//! It knows no module's inside.

import Glibc
public import Support

/// A folder of a test's own, removed with the object.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws(SystemError) {
        // Short: the path of a Unix socket has 107 bytes.
        path = "/tmp/aib\(getpid())-\(UInt32.random(in: .min ... .max))"
        try Files.makeFolder(path, mode: 0o700)
    }

    deinit { try? Files.remove(path) }
}
