import Glibc
public import Support

/// Reads a file as it is, and fails at its end unless size and digest are the expected ones. The
/// last bytes are only given if they are.
public final class ImageFileReader: ByteReader {
    private let path: String
    private let file: Descriptor
    private let sizeBytes: Int64
    private let sha256: String
    private var position: Int64 = 0
    private var digest: SHA256? = SHA256()

    public init(_ path: String, sizeBytes: Int64, sha256: String) throws(SystemError) {
        self.path = path
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        file = try Descriptor(path, O_RDONLY)
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try file.read(into: buffer)
        position += Int64(count)
        guard position <= sizeBytes, count > 0 || position == sizeBytes else {
            throw changed("has another size than \(sizeBytes) bytes")
        }
        digest?.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        if position == sizeBytes, let whole = digest.take() {
            guard whole.finish() == sha256 else { throw changed("has another SHA-256") }
        }
        return count
    }

    private func changed(_ how: String) -> DiskImageError {
        DiskImageError(
            .changed,
            "\(path) \(how) than when it was published, so it is not sent: check the disk it is "
                + "on, and make the image again")
    }
}
