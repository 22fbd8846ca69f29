import ProcessKit
import Support

/// A running process that is watched by its pidfd.
final class ProcessHandle: Sendable {
    let pidfd: Descriptor
    let pid: Int32
    private let isChild: Bool

    init(_ child: consuming ChildProcess) {
        pid = child.pid
        isChild = true
        pidfd = child.intoDescriptor()
    }

    init(_ pidfd: consuming Descriptor, pid: Int32) {
        self.pidfd = pidfd
        self.pid = pid
        isChild = false
    }

    /// Does not wait.
    var hasEnded: Bool {
        (try? Wait.readable([pidfd.raw], timeoutMilliseconds: 0)) == [true]
    }

    /// Removes the exited process from the process table if it is a child of this one.
    func reap() { if isChild { Descendants.reap(pidfd) } }
}
