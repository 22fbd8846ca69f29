import HTTPClientKit
public import Support

/// Bytes to push to a registry. They can be read from any offset, so that an interrupted push can
/// be resumed.
public struct Blob: Sendable {
    /// `sha256:…`
    public var digest: String
    public var sizeBytes: Int64
    /// Opens the bytes for reading from an offset.
    public var open: @Sendable (_ offset: Int64) throws -> any ByteReader

    public init(
        digest: String, sizeBytes: Int64,
        open: @escaping @Sendable (_ offset: Int64) throws -> any ByteReader
    ) {
        self.digest = digest
        self.sizeBytes = sizeBytes
        self.open = open
    }

    public init(_ bytes: [UInt8]) {
        self.init(digest: "sha256:" + SHA256.hex(bytes), sizeBytes: Int64(bytes.count)) {
            BytesReader(bytes[Int($0)...])
        }
    }

    /// The bytes from an offset as the body of a request.
    func body(
        from offset: Int64, onProgress: @escaping @Sendable (Int64) -> Void
    ) -> UploadBody {
        let open = open
        return UploadBody(sizeBytes: sizeBytes - offset) {
            CountingReader(try open(offset), offset, onProgress)
        }
    }
}

/// Reports the progress of a push.
private final class CountingReader: ByteReader {
    private let inner: any ByteReader
    private var done: Int64
    private let onProgress: (Int64) -> Void

    init(_ inner: any ByteReader, _ done: Int64, _ onProgress: @escaping (Int64) -> Void) {
        self.inner = inner
        self.done = done
        self.onProgress = onProgress
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try inner.read(into: buffer)
        done += Int64(count)
        onProgress(done)
        return count
    }
}
