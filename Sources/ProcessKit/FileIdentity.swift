import CLinux
import Support

/// The identity of a file: while inode, size and modification time are the same, so are its bytes,
/// unless the time was set back.
public struct FileIdentity: Sendable, Hashable, Codable {
    public var inode: UInt64
    public var sizeBytes: Int64
    public var modifiedNanoseconds: Int64

    /// `nil` if the file does not exist.
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
