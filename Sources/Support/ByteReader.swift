/// Reads bytes once, from their beginning. Lives on the thread that made it, and may block it.
public protocol ByteReader: AnyObject {
    /// Fills the beginning of `buffer`, which is never empty.
    /// - Returns: bytes given; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}
