import CLinux
import Glibc

/// An open file descriptor that is closed exactly once.
public struct Descriptor: ~Copyable, Sendable {
    public let raw: Int32

    public init(owning raw: Int32) { self.raw = raw }

    deinit { if raw >= 0 { close(raw) } }

    /// Opens `path`, close-on-exec.
    public init(_ path: String, _ flags: Int32, mode: Int32 = 0o600) throws(SystemError) {
        raw = try checked(aib_open(path, flags, mode), "cannot open \(path)")
    }

    /// Opens `path` for writing past the page cache: addresses, offsets and lengths must be
    /// multiples of the disk's blocks. Not every file system supports it (tmpfs does not).
    public init(pastPageCache path: String) throws(SystemError) {
        raw = try checked(aib_open_direct(path), "cannot open \(path) past the page cache")
    }

    /// Gives up ownership: the caller closes the descriptor.
    public consuming func release() -> Int32 {
        let raw = self.raw
        discard self
        return raw
    }

    /// Bytes read, 0 at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        while true {
            let count = Glibc.read(raw, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw .last("cannot read") }
        }
    }

    /// Bytes read at `offset`, 0 at the end of the file.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        while true {
            let count = pread(raw, buffer.baseAddress, buffer.count, Int(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw .last("cannot read") }
        }
    }

    public func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = Glibc.write(raw, piece.baseAddress, piece.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("cannot write")
            }
            rest = rest.dropFirst(count)
        }
    }

    public func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        let failure = bytes.withUnsafeBytes { raw -> SystemError? in
            do throws(SystemError) { try writeAll(raw) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }

    public func writeAll(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(raw, rest.baseAddress, rest.count, Int(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("cannot write")
            }
            done += count
        }
    }

    /// Moves bytes of this file at `offset` into a pipe without copying them: how many, 0 at the
    /// end of the file; nil if the other is not a pipe, or this file system does not support it.
    public func splice(
        into pipe: borrowing Descriptor, at offset: Int64, _ count: Int
    ) throws(SystemError) -> Int? {
        while true {
            let moved = aib_splice(raw, offset, pipe.raw, count)
            if moved >= 0 { return Int(moved) }
            switch Int32(-moved) {
            case EINTR: continue
            case EINVAL, ENOSYS: return nil
            case let code: throw SystemError(errno: code, "cannot send")
            }
        }
    }

    /// Enlarges a pipe, as far as the system allows, for fewer switches between its two ends.
    public func growPipe(toBytes bytes: Int) { aib_pipe_grow(raw, Int32(bytes)) }

    public func sync() throws(SystemError) {
        if fsync(raw) != 0 { throw .last("cannot fsync") }
    }

    public func sizeBytes() throws(SystemError) -> Int64 {
        var info = stat()
        if fstat(raw, &info) != 0 { throw .last("cannot stat") }
        return Int64(info.st_size)
    }
}
