//! DiskImageKit: reads disk images from their beginning to their end, as they are or as the disk
//! that a guest would see. Knows nothing of where images come from or go to. An image is untrusted:
//! what its header says is checked before any program opens it.

@_exported public import ErrorKit

/// The limits of the kit, each with its reason.
public enum DiskImageLimits {
    /// One request to the server that reads an image. Larger ones were no faster.
    static let requestBytes = 1 << 20
    /// Requests in flight. With the size of a request this gives the memory that a conversion
    /// takes here, whatever the size of the image.
    static let requests = 4
    /// Longest wait for one request: a slow disk answers in this time, a hung one does not.
    static let requestSeconds = 120
    /// Memory limit of the server, which reads untrusted images. It needs a tenth of that.
    static let serverBytes = 2 << 30
    /// Largest virtual disk. Glance accepts 1 TiB by default; a corrupt header claims more.
    static let diskBytes: Int64 = 64 << 40
}

/// Why an image is not read.
public typealias DiskImageError = CodedError<DiskImageErrorCode>

public enum DiskImageErrorCode: FailureCode {
    /// The file is no image that can be read here.
    case invalid
    /// The file is not as it was published.
    case changed
    /// The disk, or the program that reads the image, failed.
    case unreadable

    public var isPermanent: Bool { self != .unreadable }
}
