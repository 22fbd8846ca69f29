public import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import TextKit

extension GlanceClient {
    /// Sends an image's bytes, and compares what arrived with what was read. The image must be
    /// `queued`: new, or one whose earlier upload was cut.
    ///
    /// However the upload itself ends, what counts is what Glance has then: the answer may have
    /// been lost on its way.
    /// - Parameter progress: bytes given away so far, on the transfer's thread.
    /// - Returns: the image, which is `active`.
    /// - Throws: `.conflict` and `.stuck`: this image will never be good, so it is to be deleted
    ///   and created anew; `.gone` when somebody deleted it; `.digest`.
    public func upload(
        _ id: String, _ body: UploadBody,
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws(CloudError) -> GlanceImage {
        let what = "cannot upload to image \(id)"
        let digest = DigestBox()
        let measured = UploadBody(sizeBytes: body.sizeBytes) {
            DigestingReader(
                try body.open(), sizeBytes: body.sizeBytes, into: digest, progress: progress)
        }
        var failure: CloudError?
        do throws(CloudError) {
            try await put(id, measured, what)
        } catch {
            if error.kind == .cancelled || error.kind == .source { throw error }
            failure = error
        }
        let image = try await settled(id, after: failure, what)
        guard image.isActive, let sent = digest.value else {
            throw failure
                ?? CloudError(
                    .stuck, "\(what): Glance took all of it and says '\(image.status)'",
                    isPermanent: false)
        }
        try await compare(image, body, sent, what)
        return image
    }

    /// Compares what Glance has with what `body` gives, by reading that once more.
    public func verify(_ image: GlanceImage, _ body: UploadBody) async throws(CloudError) {
        let what = "cannot take up image \(image.id)"
        let sent = try await Self.digest(DigestingReader.algorithm, of: body, what)
        try await compare(image, body, sent, what)
    }

    private func put(_ id: String, _ body: UploadBody, _ what: String) async throws(CloudError) {
        let session = session
        let path = "/v2/images/\(PercentCoding.encode(id))/file"
        let answer = try await authorized(what) { base, secret throws(HTTPClientError) in
            try await session.http.upload(
                "PUT", base + path,
                headers: [
                    "X-Auth-Token": secret, "Content-Type": "application/octet-stream",
                ], body: body, timeouts: session.limits.upload)
        }
        guard answer.status == 204 else { throw failed(answer, what) }
    }

    /// The image once it is not `saving` any more.
    private func settled(
        _ id: String, after failure: CloudError?, _ what: String
    ) async throws(CloudError) -> GlanceImage {
        let deadline = Clocks.monotonicMilliseconds() + Int64(limits.settleSeconds * 1000)
        var pauseMilliseconds: Int64 = 100
        while true {
            guard let image = try await image(id) else {
                throw CloudError(
                    .gone, "\(what): somebody deleted the image while it was sent",
                    isPermanent: false)
            }
            if image.status != "saving" { return image }
            if failure?.kind == .conflict || Clocks.monotonicMilliseconds() > deadline {
                throw CloudError(
                    .stuck,
                    "\(what): it stays 'saving', as when Glance is killed in the middle; "
                        + "such an image can only be deleted and made anew", isPermanent: false)
            }
            do { try await Task.sleep(for: .milliseconds(pauseMilliseconds)) } catch {
                throw CloudError(.cancelled, "\(what): it was cancelled", isPermanent: false)
            }
            pauseMilliseconds = min(pauseMilliseconds * 2, 2000)
        }
    }

    private func compare(
        _ image: GlanceImage, _ body: UploadBody, _ sent: String, _ what: String
    ) async throws(CloudError) {
        if let size = image.sizeBytes, size != body.sizeBytes {
            throw CloudError(
                .digest, "\(what): \(body.sizeBytes) bytes were sent and \(size) are there",
                isPermanent: false)
        }
        guard let algorithm = image.hashAlgorithm, let value = image.hashValue else {
            throw CloudError(
                .digest,
                "\(what): Glance tells no os_hash_value, so that nobody knows what "
                    + "arrived; Rocky (2018) and newer do", isPermanent: true)
        }
        var expected = sent
        if algorithm != DigestingReader.algorithm {
            expected = try await Self.digest(algorithm, of: body, what)
        }
        guard value.lowercased() == expected else {
            throw CloudError(
                .digest,
                "\(what): what arrived has \(algorithm) \(value.prefix(16))… and what was "
                    + "sent \(expected.prefix(16))…: something changes bytes on the way",
                isPermanent: false)
        }
    }

    /// Reads all once more: only for a Glance whose `hashing_algorithm` is not the usual one.
    private static func digest(
        _ algorithm: String, of body: UploadBody, _ what: String
    ) async throws(CloudError) -> String {
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
            throw CloudError(.source, "\(what): \(error)", isPermanent: false)
        }
        guard let digest else {
            throw CloudError(
                .digest,
                "\(what): this machine cannot compute Glance's hash '\(algorithm)'; set "
                    + "its hashing_algorithm to sha512", isPermanent: true)
        }
        return digest
    }

    /// Downloads an image's bytes, or the rest of them.
    public func download(
        _ id: String, offset: Int64 = 0, to sink: any DownloadSink
    ) async throws(CloudError) -> DownloadResult {
        let what = "cannot download image \(id)"
        let token = try await session.token()
        let base = try await address()
        do throws(HTTPClientError) {
            var request = DownloadRequest(
                url: "\(base)/v2/images/\(PercentCoding.encode(id))/file", offset: offset,
                timeouts: limits.upload)
            request.headers = ["X-Auth-Token": token.secret]
            return try await session.http.download(request, to: sink)
        } catch {
            throw CloudError(error, to: what)
        }
    }
}

/// Brings a digest from the transfer's thread.
private final class DigestBox: Sendable {
    private let state = Mutex<String?>(nil)
    var value: String? { state.withLock { $0 } }
    func set(_ digest: String?) { state.withLock { $0 = digest } }
}

/// Measures what another reader gives.
private final class DigestingReader: ByteReader {
    static let algorithm = "sha512"

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
        // Of an earlier reading, which was cut.
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
