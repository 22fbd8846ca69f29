import Glibc
import ProcessKit
import Support

/// The one folder of a farm, whose path is in the arguments or the environment of each of its
/// processes. When the test ends, however it ends, the processes are killed one by one, and the
/// folder is removed.
final class FarmFolder: Sendable {
    let path: String
    private let lifeline: Descriptor
    private let keeper: ChildProcess

    init() throws {
        // Short: the path of a Unix socket has 107 bytes.
        path = "/tmp/aibf\(getpid())-\(UInt32.random(in: .min ... .max))"
        try Files.makeFolder(path, mode: 0o700)
        let fifo = path + "/lifeline"
        guard mkfifo(fifo, 0o600) == 0 else { throw SystemError.last("cannot make \(fifo)") }
        let reader = try Descriptor(fifo, O_RDONLY | O_NONBLOCK)
        lifeline = try Descriptor(fifo, O_WRONLY)
        guard fcntl(reader.raw, F_SETFL, 0) == 0 else { throw SystemError.last("fcntl") }
        keeper = try ChildProcess(
            Command(
                ["/bin/sh", "-c", Self.keeperScript, "farm-keeper", path],
                environment: Command.minimalEnvironment),
            streams: .init(input: reader.raw))
    }

    deinit {
        sweep()
        keeper.signalGroup(SIGKILL)
        _ = try? Wait.readable([keeper.pidfd.raw], timeoutMilliseconds: 5_000)
        _ = try? keeper.reap()
        for mount in mounts { umount2(mount, Int32(MNT_DETACH)) }
        try? Files.remove(path)
    }

    /// In case the test process itself is killed: a shell does the same when it reads end of file.
    private static let keeperScript = """
        read -r _ || true
        for p in /proc/[0-9]*; do
            n=${p#/proc/}
            [ "$n" = "$$" ] && continue
            if grep -qsaF "$1" "$p/cmdline" "$p/environ"; then kill -9 "$n"; fi
        done
        for m in $(grep -oF "$1/" /proc/mounts >/dev/null && cut -d' ' -f2 /proc/mounts); do
            case $m in "$1"/*) umount -l "$m";; esac
        done
        rm -rf "$1"
        """

    /// Kills all processes of this farm: daemons, supervisors, gates, builds.
    func sweep() {
        // A build may start a program while its parent is killed, so this repeats until none is
        // found.
        for _ in 0..<20 {
            let found = processes()
            if found.isEmpty { return }
            for pid in found { kill(pid, SIGKILL) }
        }
    }

    /// The living processes of this farm, except the cleanup shell.
    func processes() -> [Int32] { Self.processes(mentioning: path).filter { $0 != keeper.pid } }

    /// Living processes with the text in their arguments or their initial environment.
    static func processes(mentioning text: String) -> [Int32] {
        let wanted = Array(text.utf8)
        return ProcessTable.all().filter { entry in
            guard !entry.isZombie, entry.pid != getpid() else { return false }
            return ["cmdline", "environ"].contains { file in
                let bytes = (try? Files.read("/proc/\(entry.pid)/\(file)", limitBytes: 1 << 20))
                return (bytes ?? []).firstRange(of: wanted) != nil
            }
        }.map(\.pid)
    }

    private var mounts: [String] {
        let bytes = (try? Files.read("/proc/mounts", limitBytes: 1 << 20)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count > 1 && words[1].hasPrefix(path + "/") ? String(words[1]) : nil
        }
    }
}
