public import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import TextKit

extension GlanceClient {
    /// Uploads the bytes of an image, and compares what arrived with what was read. The image must
    /// be `queued`: new, or left by an upload that was cut.
    ///
    /// However the upload ends, what Glance has then decides: its response may have been lost.
    /// - Parameter progress: called with the bytes sent so far, on the thread of the transfer.
    /// - Returns: the image, which is `active`.
    /// - Throws: `.conflict` and `.stuck` if the image can never become active and must be deleted
    ///   and created again; `.gone` if somebody deleted it; `.digest`.
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
            if error.code == .cancelled || error.code == .source { throw error }
            failure = error
        }
        let image = try await settled(id, after: failure, what)
        guard image.isActive, let sent = digest.value else {
            throw failure
                ?? CloudError(
                    .stuck,
                    "\(what): Glance received all of it, but its status is '\(image.status)'")
        }
        try await compare(image, body, sent, what)
        return image
    }

    /// Compares what Glance has with `body`, which is read once more.
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
                    .gone, "\(what): somebody deleted the image during the upload")
            }
            if image.status != "saving" { return image }
            if failure?.code == .conflict || Clocks.monotonicMilliseconds() > deadline {
                throw CloudError(
                    .stuck,
                    "\(what): it stays 'saving', as after Glance was killed; such an image "
                        + "can only be deleted and created again")
            }
            do { try await Task.sleep(for: .milliseconds(pauseMilliseconds)) } catch {
                throw CloudError(.cancelled, "\(what): it was cancelled")
            }
            pauseMilliseconds = min(pauseMilliseconds * 2, 2000)
        }
    }

    private func compare(
        _ image: GlanceImage, _ body: UploadBody, _ sent: String, _ what: String
    ) async throws(CloudError) {
        if let size = image.sizeBytes, size != body.sizeBytes {
            throw CloudError(
                .digest, "\(what): \(body.sizeBytes) bytes were sent and \(size) are there")
        }
        guard let algorithm = image.hashAlgorithm, let value = image.hashValue else {
            throw CloudError(
                .unverifiable,
                "\(what): Glance reports no os_hash_value, so the upload cannot be "
                    + "verified. Upgrade it to Rocky (2018) or newer")
        }
        var expected = sent
        if algorithm != DigestingReader.algorithm {
            expected = try await Self.digest(algorithm, of: body, what)
        }
        guard value.lowercased() == expected else {
            throw CloudError(
                .digest,
                "\(what): what arrived has \(algorithm) \(value.prefix(16))… and what was "
                    + "sent \(expected.prefix(16))…: something changes bytes on the way")
        }
    }

    /// Reads everything once more, for a Glance whose `hashing_algorithm` is not the default.
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

/// Carries a digest out of the thread of the transfer.
private final class DigestBox: Sendable {
    private let state = Mutex<String?>(nil)
    var value: String? { state.withLock { $0 } }
    func set(_ digest: String?) { state.withLock { $0 = digest } }
}

/// Computes the digest of what another reader gives.
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
