import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support

/// One repository of a registry: manifests and tags. Blobs are in `BlobUpload.swift`.
public struct RegistryRepository: Sendable {
    let registry: Registry
    /// `team/app`
    public let path: String

    /// The reference by which engines pull from it.
    public var reference: ImageReference { ImageReference(repository: "\(registry.host)/\(path)") }

    func call(_ method: String, _ rest: String, _ operation: String) -> RegistryCall {
        var call = RegistryCall(method, "\(registry.base)/v2/\(path)/\(rest)", operation)
        let access =
            ["GET", "HEAD"].contains(method) && !rest.hasPrefix("blobs/uploads")
            ? "pull" : method == "DELETE" ? "pull,push,delete" : "pull,push"
        call.scope = "repository:\(path):\(access)"
        return call
    }

    // MARK: Manifests

    public struct Manifest: Sendable, Hashable {
        public var digest: String
        public var mediaType: String
        public var bytes: [UInt8]

        public init(digest: String, mediaType: String, bytes: [UInt8]) {
            self.digest = digest
            self.mediaType = mediaType
            self.bytes = bytes
        }
    }

    /// - Parameter reference: a tag or a digest.
    /// - Returns: `nil` if it does not exist.
    public func manifest(_ reference: String) async throws(DockerError) -> Manifest? {
        let operation = "cannot read the manifest \(reference) of \(path) in \(registry.base)"
        var call = call("GET", "manifests/\(reference)", operation)
        for type in MediaType.readable { call.headers.append("Accept", type) }
        let answer: HTTPAnswer
        do throws(DockerError) { answer = try await registry.send(call, accept: [200]) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
        guard answer.body.count <= DockerLimits.manifestBytes else {
            throw DockerError(.failed, "\(operation): it is larger than the limit for manifests")
        }
        let digest = "sha256:" + SHA256.hex(answer.body)
        let isWanted = !reference.hasPrefix("sha256:") || reference == digest
        guard isWanted, answer.headers["Docker-Content-Digest"] ?? digest == digest else {
            throw DockerError(
                .failed,
                "\(operation): received the digest \(digest); is there a proxy in between?")
        }
        return Manifest(
            digest: digest, mediaType: answer.headers["Content-Type"] ?? MediaType.manifest,
            bytes: answer.body)
    }

    /// Stores a manifest under a tag, and reads it back by its digest.
    ///
    /// - Returns: the digest.
    @discardableResult
    public func put(
        _ bytes: [UInt8], type: String, tag: String
    ) async throws(DockerError) -> String {
        let operation = "cannot push \(path):\(tag) to \(registry.base)"
        var call = call("PUT", "manifests/\(tag)", operation)
        call.headers.set("Content-Type", type)
        call.body = bytes
        try await registry.send(call, accept: [200, 201, 202])
        let digest = "sha256:" + SHA256.hex(bytes)
        guard let kept = try await manifest(digest), kept.bytes == bytes else {
            throw DockerError(
                .failed, "\(operation): the registry accepted it, but has no \(digest)")
        }
        return digest
    }

    /// Removes a manifest and all tags that point to it, if it exists.
    public func delete(_ digest: String) async throws(DockerError) {
        let operation = "cannot delete \(path)@\(digest) in \(registry.base)"
        do throws(DockerError) {
            try await registry.send(
                call("DELETE", "manifests/\(digest)", operation), accept: [200, 202])
        } catch {
            if error.code == .notFound { return }
            throw error
        }
    }

    public func tags() async throws(DockerError) -> [String] {
        struct List: Decodable {
            var tags: [String]?
        }
        let operation = "cannot list the tags of \(path) in \(registry.base)"
        var next = call("GET", "tags/list", operation)
        var tags: [String] = []
        for _ in 0..<DockerLimits.tagPages {
            let answer: HTTPAnswer
            do throws(DockerError) { answer = try await registry.send(next, accept: [200]) } catch {
                // A repository is created by its first push.
                if error.code == .notFound { return tags }
                throw error
            }
            guard let list = try? JSONDecoder().decode(List.self, from: Data(answer.body)) else {
                throw DockerError(.failed, "\(operation): the response is not a list of tags")
            }
            tags += list.tags ?? []
            guard let link = answer.headers["Link"], let open = link.firstIndex(of: "<"),
                let close = link.firstIndex(of: ">"), open < close
            else { return tags }
            let reference = String(link[link.index(after: open)..<close])
            guard let url = registry.origin.resolve(reference, from: next.url) else {
                throw DockerError(.failed, "\(operation): its next page is no address")
            }
            next.url = url
        }
        throw DockerError(.failed, "\(operation): the list of pages does not end")
    }
}
