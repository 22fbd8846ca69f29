import HTTPClientKit
import Support
import Synchronization

/// Compares an image in Glance with the bytes that were sent.
struct ImageComparison: Sendable {
    /// The digest that is computed while bytes are sent.
    static let algorithm = "sha512"

    /// The format that was sent.
    let format: String
    let body: UploadBody
    /// The beginning of messages.
    let what: String

    /// - Parameter sent: the digest of the bytes.
    func run(_ image: GlanceImage, sent: String) async throws(CloudError) {
        guard image.diskFormat == format || image.diskFormat.isEmpty else {
            throw CloudError(
                .converted,
                "\(what): the cloud made \(image.diskFormat) of the \(format) that it got, so "
                    + "nothing shows that it is right. Convert it before: --format "
                    + "\(image.diskFormat)")
        }
        if let size = image.sizeBytes, size != body.sizeBytes {
            throw CloudError(
                .digest, "\(what): \(body.sizeBytes) bytes were sent and \(size) are there")
        }
        guard let (algorithm, value) = image.digest else {
            throw CloudError(
                .unverifiable,
                "\(what): Glance reports neither os_hash_value nor checksum, so the upload cannot "
                    + "be verified")
        }
        var expected = sent
        if algorithm != Self.algorithm {
            expected = try await digest(algorithm)
        }
        guard value.lowercased() == expected else {
            throw CloudError(
                .digest,
                "\(what): what arrived has \(algorithm) \(value.prefix(16))… and what was "
                    + "sent \(expected.prefix(16))…: something changes bytes on the way")
        }
    }

    /// Reads everything once more, for a Glance whose `hashing_algorithm` is not the default.
    func digest(_ algorithm: String) async throws(CloudError) -> String {
        let body = body
        let digest: String?
        do {
            digest = try await OwnThread.run {
                guard var digest = Digest(named: algorithm) else { return nil }
                let reader = try body.open()
                let buffer = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: 1 << 20, alignment: 16)
                defer { buffer.deallocate() }
                while true {
                    let count = try reader.read(into: buffer)
                    if count == 0 { return digest.finish() }
                    digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
            }
        } catch {
            throw CloudError(.source, what, cause: error)
        }
        guard let digest else {
            throw CloudError(
                .unverifiable,
                "\(what): this machine cannot compute the hash '\(algorithm)'. Set "
                    + "hashing_algorithm of Glance to sha512")
        }
        return digest
    }
}

/// Carries a digest out of the thread of the transfer.
final class DigestBox: Sendable {
    private let state = Mutex<String?>(nil)
    var value: String? { state.withLock { $0 } }
    func set(_ digest: String?) { state.withLock { $0 = digest } }
}

/// Computes the digest of what another reader gives.
final class DigestingReader: ByteReader {
    private let reader: any ByteReader
    private let sizeBytes: Int64
    private let box: DigestBox
    private let progress: @Sendable (Int64) -> Void
    private var digest: Digest? = Digest.sha512()
    private var position: Int64 = 0

    init(
        _ reader: any ByteReader, sizeBytes: Int64, into box: DigestBox,
        progress: @escaping @Sendable (Int64) -> Void
    ) {
        self.reader = reader
        self.sizeBytes = sizeBytes
        self.box = box
        self.progress = progress
        // Left by an earlier pass that was cut.
        box.set(nil)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try reader.read(into: buffer)
        digest?.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        position += Int64(count)
        if position == sizeBytes, let whole = digest.take() { box.set(whole.finish()) }
        progress(position)
        return count
    }
}
