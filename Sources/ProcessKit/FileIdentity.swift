import CLinux
import Support

/// Which file stands at a path: while inode, size and time of modification are the same, so are its
/// bytes, where nobody sets the time back.
public struct FileIdentity: Sendable, Hashable, Codable {
    public var inode: UInt64
    public var sizeBytes: Int64
    public var modifiedNanoseconds: Int64

    /// `nil` when nothing is there.
    public init?(_ path: String) {
        var inode: UInt64 = 0
        var size: Int64 = 0
        var modified: Int64 = 0
        guard aib_file_identity(path, &inode, &size, &modified) == 0 else { return nil }
        self.inode = inode
        sizeBytes = size
        modifiedNanoseconds = modified
    }
}
