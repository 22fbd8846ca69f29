import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// The control sockets and serial consoles of an attempt's QEMUs. The folder is untrusted, since a
/// build program can write to it: only plain files are read, and only their tails.
struct GuestFolder: Sendable {
    let path: String

    /// O_NONBLOCK: a file could have been replaced by a pipe.
    private static let readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK

    /// Process ids of the QEMUs that have a file of this kind, oldest file first.
    func pids(_ suffix: String) -> [Int32] {
        let names = (try? Files.list(path)) ?? []
        return names.compactMap { QEMUShim.pid(ofFile: $0, suffix: suffix) }
            .sorted { modified($0, suffix) < modified($1, suffix) }
            .suffix(AgentLimits.guestsPerAttempt)
    }

    func file(_ pid: Int32, _ suffix: String) -> String { "\(path)/\(pid)\(suffix)" }

    private func modified(_ pid: Int32, _ suffix: String) -> Int64 {
        Files.modifiedNanoseconds(file(pid, suffix)) ?? 0
    }

    /// Deletes the files of earlier programs.
    func clear() throws {
        for name in try Files.list(path) { try Files.remove("\(path)/\(name)") }
    }

    /// How the QEMU of a process exited, if it has.
    func exit(_ pid: Int32) -> QEMUExit? {
        end(of: file(pid, QEMUShim.exitSuffix), bytes: AgentLimits.qemuExitBytes)
            .flatMap { QEMUExit(String(decoding: $0, as: UTF8.self)) }
    }

    /// Waits until every shim whose QEMU has started has recorded its exit or is gone, for at most
    /// `AgentLimits.qemuRecordMilliseconds`: the build program may end before they do.
    func waitForExitRecords() {
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.qemuRecordMilliseconds
        for pid in pids(QEMUShim.exitSuffix) where exit(pid) == nil {
            guard let record = try? Descriptor(file(pid, QEMUShim.exitSuffix), Self.readFlags)
            else { continue }
            while flock(record.raw, LOCK_SH | LOCK_NB) != 0,
                Clocks.monotonicMilliseconds() < deadline
            {
                _ = try? Wait.readable([], timeoutMilliseconds: 10)
            }
        }
    }

    /// The exit of a QEMU that was killed or crashed, if there is one.
    func unwantedExit() -> QEMUExit? {
        pids(QEMUShim.exitSuffix).lazy.compactMap { exit($0) }.first { $0.fault != nil }
    }

    /// A path that is short enough for a socket, however deep the state folder is: valid while
    /// `folder` is open.
    static func socketPath(_ folder: borrowing Descriptor, _ pid: Int32) -> String {
        "/proc/self/fd/\(folder.raw)/\(pid)\(QEMUShim.socketSuffix)"
    }

    /// The tail of the newest serial console that is not empty.
    func serialTail() -> String? {
        for pid in pids(QEMUShim.serialSuffix).reversed() {
            let console = file(pid, QEMUShim.serialSuffix)
            if let bytes = end(of: console, bytes: ProtocolLimits.serialTailBytes), !bytes.isEmpty {
                return ConsoleLogins.removed(from: ConsoleText.tail(bytes))
            }
        }
        return nil
    }

    /// The last bytes of a plain file.
    func end(of path: String, bytes limit: Int) -> [UInt8]? {
        guard Files.kind(path) == .file,
            let file = try? Descriptor(path, Self.readFlags), let size = try? file.sizeBytes()
        else { return nil }
        let start = max(0, size - Int64(limit))
        return try? [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: start)
        }
    }

    /// Frees the disk blocks of long consoles except their tails. QEMU continues to write at its
    /// offset, so a file keeps its size.
    func trimConsoles() {
        for pid in pids(QEMUShim.serialSuffix) {
            let path = file(pid, QEMUShim.serialSuffix)
            guard Files.kind(path) == .file,
                let file = try? Descriptor(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK),
                let size = try? file.sizeBytes(), size > 2 * AgentLimits.serialKeptBytes
            else { continue }
            try? Files.punch(file, firstBytes: size - AgentLimits.serialKeptBytes)
        }
    }
}
