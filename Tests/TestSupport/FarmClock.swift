import Glibc
import Support

/// A clock of its own for one program, by libfaketime, that can be made to jump while the program
/// runs. The monotonic clock goes on as it does.
public struct FarmClock: Sendable {
    private let path: String
    private let library: String

    /// - Throws: where libfaketime is not installed.
    init(_ path: String) throws {
        let folders = ((try? Files.list("/usr/lib")) ?? []).map { "/usr/lib/\($0)/faketime" }
        guard let folder = folders.first(where: { Files.exists("\($0)/libfaketimeMT.so.1") }) else {
            throw Failure("libfaketime is not installed: scripts/install-packages.sh does it")
        }
        library = "\(folder)/libfaketimeMT.so.1"
        self.path = path
        try set(seconds: 0)
    }

    /// How far it is ahead of the real time.
    public func set(seconds: Int) throws {
        let sign = seconds < 0 ? "-" : "+"
        try Files.replace(path, with: "\(sign)\(abs(seconds))s\n".utf8)
    }

    /// A shell becomes the program. It is libfaketime's first process and changes its environment,
    /// for which Swift's runtime would not find its arguments any more.
    let wrapper = ["/bin/sh", "-c", "exec \"$0\" \"$@\""]

    /// What libfaketime leaves of a process that was killed. Also to be called before a process
    /// becomes a new program: a thread that ends then may hold the lock, which would be held for
    /// ever by the name that the new one takes, too.
    public static func sweep(_ pid: Int32) {
        unlink("/dev/shm/faketime_shm_\(pid)")
        unlink("/dev/shm/sem.faketime_sem_\(pid)")
    }

    var environment: [String: String] {
        [
            "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        ]
    }
}
