import Support

/// Writes whole blocks past the page cache. Nothing here reads an image again once it is hashed,
/// and caching it costs more time than the disk does (measured: 1 s of processor time for 512 MiB,
/// against 0.1 s) and evicts what others need.
final class DirectWriter {
    private static let blockBytes = 4096
    private let file: Descriptor
    private let buffer: UnsafeMutableRawBufferPointer

    /// `nil` if the file system does not support it (tmpfs).
    init?(_ path: String) {
        do { file = try Descriptor(pastPageCache: path) } catch { return nil }
        buffer = .allocate(byteCount: 1 << 20, alignment: Self.blockBytes)
    }

    deinit { buffer.deallocate() }

    /// Writes as many whole blocks from the beginning of `bytes` as possible. The rest, or
    /// everything if `offset` is within a block, is left to the caller.
    /// - Returns: how many bytes were written.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        guard offset % Int64(Self.blockBytes) == 0 else { return 0 }
        let whole = bytes.count / Self.blockBytes * Self.blockBytes
        var done = 0
        while done < whole {
            let count = min(buffer.count, whole - done)
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
            try file.writeAll(
                UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset + Int64(done))
            done += count
        }
        return done
    }
}
