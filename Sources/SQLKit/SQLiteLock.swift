import CLinux
import Glibc
import Support

/// The lock file beside a database file. SQLite itself would let two coordinators share a file, and
/// both would schedule; the lock refuses the second at its start. The kernel drops the lock with
/// the process, however that ends.
struct SQLiteLock: ~Copyable {
    private let file: Descriptor

    private init(_ file: consuming Descriptor) { self.file = file }

    /// Blocks for at most `SQLLimits.fileLockMilliseconds`.
    /// - Throws: `SQLError.inUse` if another process, or this one, holds it.
    static func take(databasePath: String) throws(SQLError) -> SQLiteLock {
        let path = databasePath + ".lock"
        let file: Descriptor
        do throws(SystemError) {
            file = try Descriptor(path, O_RDWR | O_CREAT, mode: 0o600)
        } catch {
            throw SQLError(
                .other, "The database needs a folder that exists and that this user may write.",
                cause: error)
        }
        let deadline = Clocks.monotonicMilliseconds() + SQLLimits.fileLockMilliseconds
        var answer = aib_lock_exclusive(file.raw)
        while answer == -EWOULDBLOCK, Clocks.monotonicMilliseconds() < deadline {
            usleep(20_000)
            answer = aib_lock_exclusive(file.raw)
        }
        if answer == -EWOULDBLOCK {
            throw SQLError(
                .inUse,
                "the database \(databasePath) is in use by another program"
                    + holder(file) + ": stop that one, or give this one a database of its own")
        }
        if answer < 0 {
            throw SQLError(.other, cause: SystemError(errno: -answer, "cannot lock \(path)"))
        }
        // Only for the message above, so a full disk must not prevent the start.
        ftruncate(file.raw, 0)
        try? file.writeAll(Array("\(getpid())\n".utf8))
        return SQLiteLock(file)
    }

    private static func holder(_ file: borrowing Descriptor) -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: SQLLimits.lockFileBytes, alignment: 1)
        defer { buffer.deallocate() }
        guard let count = try? file.read(into: buffer, at: 0) else { return "" }
        let text = String(decoding: buffer[..<count].prefix { $0 != 0x0A }, as: UTF8.self)
        return Int32(text).map { " (process \($0))" } ?? ""
    }
}
