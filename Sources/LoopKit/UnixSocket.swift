import CLinux
import Glibc
import Support

/// Connects to Unix sockets.
public enum UnixSocket {
    /// Waits a few seconds if the listener's backlog is full.
    /// - Throws: `SystemError` (`ENOENT`, `ECONNREFUSED`: no listener), `CancellationError`.
    public static func connect(path: String, loop: EventLoop) async throws -> AsyncDescriptor {
        let deadline = Clocks.monotonicMilliseconds() + LoopLimits.backlogWaitMilliseconds
        while true {
            let fd = aib_unix_connect(path)
            let now = Clocks.monotonicMilliseconds()
            if fd == -EAGAIN, now < deadline {
                try await loop.sleep(untilMilliseconds: now + LoopLimits.backlogRetryMilliseconds)
                continue
            }
            try checked(fd, "cannot connect to \(path)")
            return try AsyncDescriptor(Descriptor(owning: fd), loop: loop)
        }
    }
}
