import Glibc

extension Descriptor {
    /// The end of the last whole line of the file: a killed writer, or a full disk, may have left a
    /// partial line after it.
    public func endOfLastLine() throws(SystemError) -> Int64 {
        var end = try sizeBytes()
        if end == 0 { return 0 }
        var last: UInt8 = 0
        let failure = withUnsafeMutableBytes(of: &last) { raw -> SystemError? in
            do throws(SystemError) { _ = try read(into: raw, at: end - 1) } catch { return error }
            return nil
        }
        if let failure { throw failure }
        if last == 0x0A { return end }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 1)
        defer { buffer.deallocate() }
        while end > 0 {
            let start = max(0, end - Int64(buffer.count))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(end - start)])
            let count = try read(into: piece, at: start)
            if let newline = piece[..<count].lastIndex(of: 0x0A) {
                return start + Int64(newline) + 1
            }
            end = start
        }
        return 0
    }

    /// Truncates the file after the last whole line, and returns its new size.
    public func truncateToLastLine() throws(SystemError) -> Int64 {
        let end = try endOfLastLine()
        if try sizeBytes() > end, ftruncate(raw, Int(end)) != 0 {
            throw .last("cannot cut a file to its last line")
        }
        return end
    }
}

/// Searches for a byte at the speed of memory, even in a debug build.
public enum ByteSearch {
    /// The index of the first `byte` from `start` on.
    public static func first(
        _ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int = 0
    ) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + start, Int32(byte), bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }
}
