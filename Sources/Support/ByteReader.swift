/// Reads bytes once, from their beginning. Confined to the thread that created it, which it may
/// block.
public protocol ByteReader: AnyObject {
    /// Fills the beginning of `buffer`, which is never empty.
    /// - Returns: the number of bytes; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}
