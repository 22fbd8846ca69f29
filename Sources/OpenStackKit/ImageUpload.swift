import HTTPClientKit
import HTTPTypes
import Support
import TextKit

/// The upload of one image: the bytes go up, and what Glance then has decides.
struct ImageUpload: Sendable {
    let glance: GlanceClient
    let image: GlanceImage
    let body: UploadBody
    /// Where the cloud can download the same bytes.
    let source: String?

    var what: String { "cannot upload to image \(image.id)" }
    var session: CloudSession { glance.session }
    var limits: OpenStackLimits { glance.limits }
    var path: String { "/images/\(PercentCoding.encode(image.id))" }

    func run(
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws(CloudError) -> GlanceImage {
        let comparison = ImageComparison(format: image.diskFormat, body: body, what: what)
        let body = body
        let digest = DigestBox()
        let measured = UploadBody(sizeBytes: body.sizeBytes) {
            DigestingReader(
                try body.open(), sizeBytes: body.sizeBytes, into: digest, progress: progress)
        }
        var failure: CloudError?
        do throws(CloudError) {
            try await send(measured)
        } catch {
            if [.cancelled, .source, .downloadOnly].contains(error.code) { throw error }
            failure = error
        }
        let settled = try await settled(after: failure)
        guard settled.isActive else {
            throw failure
                ?? CloudError(
                    .unfinished,
                    "\(what): Glance received all of it, but its status is '\(settled.status)'")
        }
        var sent = digest.value
        if sent == nil, failure == nil {
            // The cloud downloaded it.
            sent = try await comparison.digest(ImageComparison.algorithm)
        }
        guard let sent else { throw failure ?? CloudError(.stuck, what) }
        try await comparison.run(settled, sent: sent)
        return settled
    }

    private func send(_ body: UploadBody) async throws(CloudError) {
        if let method = await session.importMethod {
            return try await bring(body, by: method)
        }
        do throws(CloudError) {
            try await put("file", body)
        } catch {
            // The policy of a cloud where every image goes through an import.
            guard error.code == .forbidden, let method = try await importMethod() else {
                throw error
            }
            await session.use(importMethod: method)
            try await bring(body, by: method)
        }
    }

    func put(_ place: String, _ body: UploadBody) async throws(CloudError) {
        let (session, path) = (session, "\(path)/\(place)")
        let answer = try await glance.authorized(what) { base, secret throws(HTTPClientError) in
            var headers: HTTPHeaders = [
                "X-Auth-Token": secret, "Content-Type": "application/octet-stream",
            ]
            let answer = try await session.http.upload(
                "PUT", base + path, headers: headers, body: body, timeouts: session.limits.upload)
            guard answer.status == 417 else { return answer }
            // A proxy that cannot wait. An empty list of expectations replaces the library's.
            headers.set("Expect", "")
            return try await session.http.upload(
                "PUT", base + path, headers: headers, body: body, timeouts: session.limits.upload)
        }
        guard answer.status == 204 else { throw glance.failed(answer, what) }
    }

    /// The image once its status does not change by itself any more.
    private func settled(
        after failure: CloudError?
    ) async throws(CloudError) -> GlanceImage {
        let isImport = await session.importMethod != nil
        let began = Clocks.monotonicMilliseconds()
        var pauseMilliseconds: Int64 = 100
        while true {
            guard let image = try await glance.image(image.id) else {
                throw CloudError(
                    .gone, "\(what): somebody deleted the image during the upload")
            }
            // A cloud that converts behind the upload shows the image as queued for a while.
            let isPending =
                image.status == "saving"
                || (failure == nil && ["queued", "uploading", "importing"].contains(image.status))
            guard isPending else { return image }
            if isImport, failure == nil, image.hasFailedImport {
                throw await importFailed()
            }
            let patience =
                isImport && image.status != "queued" ? limits.importSeconds : limits.settleSeconds
            let waited = Clocks.monotonicMilliseconds() - began
            if failure?.code == .conflict || waited > Int64(patience * 1000) {
                if isImport, image.status == "queued" { throw await importFailed() }
                guard image.status == "saving" else { return image }
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
}
