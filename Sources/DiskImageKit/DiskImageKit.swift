//! DiskImageKit: reads disk images from their beginning to their end, as they are or as the disk
//! that a guest would see. Knows nothing of where images come from or go to. An image is untrusted:
//! what its header says is checked before any program opens it.

/// Every bound of the kit, each with its reason.
public enum DiskImageLimits {
    /// One request to the server that reads an image. Larger ones were no faster.
    static let requestBytes = 1 << 20
    /// Requests on their way at once: together with the size of one, the memory that a conversion
    /// takes here, whatever the image's size.
    static let requests = 4
    /// Longest wait for one request: a disk that hangs, not one that is slow.
    static let requestSeconds = 120
    /// Memory of the server, which reads what strangers wrote. It needs a tenth of that.
    static let serverBytes = 2 << 30
    /// Largest disk: what Glance itself takes by default is 1 TiB; a header of nonsense says more.
    static let diskBytes: Int64 = 64 << 40
}

/// An image that cannot be read, or may not be. The description is the whole message for a person.
public struct DiskImageError: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    /// Whether the same image would fail the same way again.
    public var isPermanent: Bool

    init(_ description: String, isPermanent: Bool) {
        self.description = description
        self.isPermanent = isPermanent
    }
}
