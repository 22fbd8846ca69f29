public import HTTPClientKit
import HTTPTypes
import TextKit

extension GlanceClient {
    /// Uploads the bytes of an image, and compares what arrived with what was read. The image must
    /// be `queued`: new, or left by an upload that was cut. A cloud that forbids uploads gets them
    /// by an import.
    ///
    /// However the upload ends, what Glance has then decides: its response may have been lost.
    /// - Parameters:
    ///   - source: where the cloud can download the same bytes, for one that imports only so.
    ///   - progress: called with the bytes sent so far, on the thread of the transfer.
    /// - Returns: the image, which is `active`.
    /// - Throws: `.unfinished` if the cloud still works on it; `.conflict` and `.stuck` if the
    ///   image can never become active and must be replaced; `.gone` if somebody deleted it;
    ///   `.digest`; `.converted`; `.downloadOnly` if a `source` is needed.
    public func upload(
        _ image: GlanceImage, _ body: UploadBody, source: String? = nil,
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws(CloudError) -> GlanceImage {
        try await ImageUpload(glance: self, image: image, body: body, source: source)
            .run(progress: progress)
    }

    /// Compares what Glance has with `body`, which is read once more.
    ///
    /// - Parameter format: the one that was sent.
    public func verify(
        _ image: GlanceImage, as format: String, _ body: UploadBody
    ) async throws(CloudError) {
        let comparison = ImageComparison(
            format: format, body: body, what: "cannot take up image \(image.id)")
        try await comparison.run(image, sent: comparison.digest(ImageComparison.algorithm))
    }

    /// Downloads an image's bytes, or the rest of them.
    public func download(
        _ id: String, offset: Int64 = 0, to sink: any DownloadSink
    ) async throws(CloudError) -> DownloadResult {
        let what = "cannot download image \(id)"
        let token = try await session.token()
        let base = try await session.imageService().url
        do throws(HTTPClientError) {
            var request = DownloadRequest(
                url: "\(base)/images/\(PercentCoding.encode(id))/file", offset: offset,
                timeouts: limits.upload)
            request.headers = ["X-Auth-Token": token.secret]
            return try await session.http.download(request, to: sink)
        } catch {
            throw CloudError(error, to: what)
        }
    }
}
