import Glibc
import Support

/// A clock for one program, by libfaketime, that can jump while the program runs. The monotonic
/// clock is unaffected.
public struct FarmClock: Sendable {
    private let path: String
    private let library: String

    /// - Throws: if libfaketime is not installed.
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

    /// The program is started by a shell that execs it: libfaketime changes the environment of its
    /// first process, after which Swift's runtime would not find the arguments.
    let wrapper = ["/bin/sh", "-c", "exec \"$0\" \"$@\""]

    /// Removes what libfaketime leaves behind for a process that was killed. Call it also before a
    /// process executes itself again: a thread that ends then may hold the lock, and the new
    /// program would use the same lock by name and wait forever.
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
