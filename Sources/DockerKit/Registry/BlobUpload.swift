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
        let call = call("HEAD", "blobs/\(digest)", operation)
        let answer = try await registry.send(
            call, accept: [200, 404, 301, 302, 303, 307, 308])
        guard answer.status.isRedirect else { return answer.status == 200 }
        // It has the blob and says in which storage, whose address often permits no HEAD. Only a
        // server that is somewhere else keeps the path.
        let place = answer.headers["Location"].flatMap { WebAddress(call.url)?.resolving($0) }
        guard let place, place.path != WebAddress(call.url)?.path else {
            throw DockerError(
                .invalid,
                "\(operation): it redirects to \(place.map { "\($0.origin)" } ?? "nowhere"): use "
                    + "that as the registry's URL")
        }
        return true
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
        return try await push(
            blob, upload, "cannot push \(path)@\(blob.digest) to \(registry.base)", onUpload,
            onProgress)
    }

    private func push(
        _ blob: Blob, _ upload: String?, _ operation: String,
        _ onUpload: @Sendable (String) async throws -> Void,
        _ onProgress: @escaping @Sendable (Int64) -> Void
    ) async throws -> PushResult {
        var place: Place?
        if let upload, WebAddress(upload) != nil {
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

    /// Checks the right to push by pushing a few bytes, which no manifest refers to. They are
    /// removed, or left to the registry's garbage collection.
    public func checkPush() async throws {
        let operation = "cannot push to \(path) in \(registry.base)"
        // Other bytes each time, so that they are really sent.
        let blob = Blob(Array("aibuild \(UInt64.random(in: 0 ... .max))".utf8))
        do { _ = try await push(blob, nil, operation, { _ in }, { _ in }) } catch let error
            as DockerError
        {
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
        guard try await has(blob.digest) else {
            throw DockerError(.failed, "\(operation): it took a blob, and does not have it")
        }
        _ = try? await registry.send(
            call("DELETE", "blobs/\(blob.digest)", operation), accept: [200, 202, 204])
    }

    /// The state of an upload.
    private struct Place {
        var url: String
        var offset: Int64 = 0
    }

    private func begin(_ operation: String) async throws(DockerError) -> Place {
        let answer = try await registry.send(
            call("POST", "blobs/uploads/", operation), accept: [202])
        return try place(answer, 0, operation, from: "\(registry.base)/v2/\(path)/blobs/uploads/")
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
        return try place(answer, offset, operation, from: old.url)
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
        return try self.place(answer, blob.sizeBytes, operation, from: place.url)
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

    /// The place that a response names, or the one that was asked.
    private func place(
        _ answer: HTTPAnswer, _ offset: Int64, _ operation: String, from url: String
    ) throws(DockerError) -> Place {
        guard let location = answer.headers["Location"] else {
            // A new upload has no other place yet.
            guard !url.hasSuffix("/blobs/uploads/") else {
                throw DockerError(
                    .failed, "\(operation): the response has no location for the upload")
            }
            return Place(url: url, offset: offset)
        }
        guard let place = registry.origin.resolve(location, from: url) else {
            throw DockerError(
                .invalid,
                "\(operation): it sends the upload to \(location.visible.prefix(200)), which is no "
                    + "safe address: set the registry's own URL (Docker Distribution: http: host: "
                    + "and relativeurls: true; Harbor and GitLab: external_url)")
        }
        return Place(url: place, offset: offset)
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
