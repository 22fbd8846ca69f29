import HTTPClientKit
import HTTPTypes
import TextKit

extension RegistryRepository {
    public enum PushResult: Sendable, Hashable {
        case wasThere
        /// - Parameter resumedAt: the offset of the last request; 0 if one was enough.
        case pushed(resumedAt: Int64)
    }

    public func has(_ digest: String) async throws(DockerError) -> Bool {
        let operation = "cannot ask \(registry.base) for \(path)@\(digest)"
        let answer = try await registry.send(
            call("HEAD", "blobs/\(digest)", operation), accept: [200, 404])
        return answer.status == 200
    }

    /// Pushes a blob unless the registry has it. After a broken connection it resumes at the offset
    /// that the registry reports, or from the beginning if the registry dropped the upload
    /// (Docker's own does after an incomplete request).
    ///
    /// - Parameters:
    ///   - upload: the URL of an upload that was started before a crash.
    ///   - onUpload: called with the URL of each started upload, before the first byte.
    ///   - onProgress: called with the number of bytes sent, on the transfer's thread.
    public func push(
        _ blob: Blob, upload: String? = nil,
        onUpload: @Sendable (String) async throws -> Void = { _ in },
        onProgress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> PushResult {
        if try await has(blob.digest) { return .wasThere }
        let operation = "cannot push \(path)@\(blob.digest) to \(registry.base)"
        var place: Place?
        if let upload, registry.isOwn(upload) || upload.hasPrefix("http") {
            place = try await status(Place(url: upload), operation, blob)
        }
        var farthest = place?.offset ?? 0
        var idle = 0
        while true {
            var now: Place
            if let place {
                now = place
            } else {
                now = try await begin(operation)
                try await onUpload(now.url)
            }
            let start = now.offset
            do throws(DockerError) {
                if now.offset < blob.sizeBytes {
                    now = try await send(blob, now, operation, onProgress)
                }
                try await finish(blob, now, operation)
                return .pushed(resumedAt: start)
            } catch {
                // A refusal is final; only a broken connection is resumed.
                guard error.code == .unreachable else { throw error }
                place = try await afterPause(idle, error) { try await status(now, operation, blob) }
                idle = (place?.offset ?? 0) > farthest ? 0 : idle + 1
                farthest = max(farthest, place?.offset ?? 0)
                guard idle < DockerLimits.uploadTriesWithoutProgress else { throw error }
            }
        }
    }

    /// Checks the right to push: starts an upload and cancels it.
    public func checkPush() async throws(DockerError) {
        let operation = "cannot push to \(path) in \(registry.base)"
        let place: Place
        do throws(DockerError) { place = try await begin(operation) } catch {
            let remedy: String? =
                switch error.code {
                case .unauthorized: "grant the user the right to push there"
                case .notFound: "create its project there"
                case .refused(405): "is it read-only, or a cache of another registry?"
                default: nil
                }
            guard let remedy else { throw error }
            var explained = error
            explained.message += "; \(remedy)"
            throw explained
        }
        var call = RegistryCall("DELETE", place.url, operation)
        call.scope = "repository:\(path):pull,push"
        // A registry that cannot cancel an upload removes it by itself.
        try await registry.send(call, accept: [200, 202, 204, 404, 405])
    }

    /// The state of an upload.
    private struct Place {
        var url: String
        var offset: Int64 = 0
    }

    private func begin(_ operation: String) async throws(DockerError) -> Place {
        let answer = try await registry.send(
            call("POST", "blobs/uploads/", operation), accept: [202])
        return try place(answer, 0, operation)
    }

    /// `nil` if the registry has dropped the upload.
    private func status(
        _ old: Place, _ operation: String, _ blob: Blob
    ) async throws(DockerError) -> Place? {
        var call = RegistryCall("GET", old.url, operation)
        call.scope = "repository:\(path):pull,push"
        let answer = try await registry.send(call, accept: [200, 204, 400, 404, 405, 416])
        guard answer.status < 300 else { return nil }
        // "0-0" is an empty upload; one of a single byte looks the same and does not matter.
        let last = answer.headers["Range"].flatMap { range -> Int64? in
            range.drop { $0 != "-" }.dropFirst().isEmpty
                ? nil : Int64(range.drop { $0 != "-" }.dropFirst())
        }
        let offset = (last ?? 0) > 0 ? (last ?? 0) + 1 : 0
        guard offset <= blob.sizeBytes else { return nil }
        return try place(answer, offset, operation, else: old.url)
    }

    private func send(
        _ blob: Blob, _ place: Place, _ operation: String,
        _ onProgress: @escaping @Sendable (Int64) -> Void
    ) async throws(DockerError) -> Place {
        var call = RegistryCall("PATCH", place.url, operation)
        call.scope = "repository:\(path):pull,push"
        call.headers.set("Content-Type", "application/octet-stream")
        if place.offset > 0 {
            call.headers.set("Content-Range", "\(place.offset)-\(blob.sizeBytes - 1)")
        }
        call.upload = blob.body(from: place.offset, onProgress: onProgress)
        let answer = try await registry.send(call, accept: [200, 201, 202, 204])
        return try self.place(answer, blob.sizeBytes, operation, else: place.url)
    }

    private func finish(_ blob: Blob, _ place: Place, _ operation: String) async throws(DockerError)
    {
        let separator = place.url.contains("?") ? "&" : "?"
        let digest = PercentCoding.encode(blob.digest)
        var call = RegistryCall("PUT", "\(place.url)\(separator)digest=\(digest)", operation)
        call.scope = "repository:\(path):pull,push"
        call.headers.set("Content-Type", "application/octet-stream")
        let answer = try await registry.send(call, accept: [200, 201, 202, 204])
        let kept = answer.headers["Docker-Content-Digest"] ?? blob.digest
        guard kept == blob.digest else {
            throw DockerError(.failed, "\(operation): the registry stored \(kept) instead")
        }
    }

    private func place(
        _ answer: HTTPAnswer, _ offset: Int64, _ operation: String, else old: String? = nil
    ) throws(DockerError) -> Place {
        guard let location = answer.headers["Location"].map(registry.resolve) ?? old else {
            throw DockerError(.failed, "\(operation): the response has no location for the upload")
        }
        return Place(url: location, offset: offset)
    }

    /// Retries after a pause that doubles from one second, for a registry that restarts.
    private func afterPause(
        _ tries: Int, _ broken: DockerError, _ next: () async throws -> Place?
    ) async throws -> Place? {
        do {
            try await Task.sleep(for: .seconds(1 << min(tries, 4)))
        } catch { throw DockerError(.cancelled, cause: broken) }
        do { return try await next() } catch let away as DockerError
            where away.code == .unreachable
        { return nil }
    }
}
