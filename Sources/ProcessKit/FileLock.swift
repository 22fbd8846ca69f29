import CLinux
import Glibc
public import Support

/// An exclusive lock on a file, held while the descriptor is open in any process: a child that
/// inherits it keeps holding it. The kernel releases it when the last holder exits.
public struct FileLock: ~Copyable, Sendable {
    public let descriptor: Descriptor

    /// Takes the lock, creating the file if needed; `nil` if another process holds it.
    public static func tryTake(_ path: String) throws(SystemError) -> FileLock? {
        let file = try Descriptor(path, O_RDWR | O_CREAT)
        let code = aib_lock_exclusive(file.raw)
        if code == -EWOULDBLOCK { return nil }
        try checked(code, "cannot lock \(path)")
        return FileLock(descriptor: file)
    }

    /// Wraps a descriptor whose lock an ancestor took.
    public init(inherited raw: Int32) { descriptor = Descriptor(owning: raw) }

    private init(descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Whether the lock is held now. A missing file is not locked.
    public static func isHeld(_ path: String) -> Bool {
        guard let file = try? Descriptor(path, O_RDWR) else { return false }
        return aib_lock_exclusive(file.raw) == -EWOULDBLOCK
    }

    /// Writes this process's id to the file, for others to read.
    public func recordHolder() throws(SystemError) {
        if ftruncate(descriptor.raw, 0) != 0 { throw .last("cannot write a lock file") }
        let text = Array("\(getpid())\n".utf8)
        let failure = text.withUnsafeBytes { raw -> SystemError? in
            do throws(SystemError) { try descriptor.writeAll(raw, at: 0) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }

    /// The process id that a holder recorded.
    public static func holder(_ path: String) -> Int32? {
        guard let bytes = try? Files.read(path, limitBytes: 64), bytes.last == 0x0A else {
            return nil
        }
        return Int32(String(decoding: bytes.dropLast(), as: UTF8.self))
    }
}
