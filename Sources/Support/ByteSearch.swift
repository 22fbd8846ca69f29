import Glibc

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
