import FoundationEssentials
import HTTPTypes
import TextKit

extension DockerEngine {
    /// Pulls an image.
    ///
    /// - Parameter onProgress: called with the received bytes, and the size of all started layers.
    /// - Returns: the image, with its id on the engine.
    public func pull(
        _ reference: ImageReference, credentials: RegistryCredentials?,
        onProgress: @escaping @Sendable (_ doneBytes: Int64, _ totalBytes: Int64) -> Void = {
            _, _ in
        }
    ) async throws(DockerError) -> EngineImage {
        let operation = "cannot pull \(reference) on \(name)"
        let progress = PullProgress()
        try await lines(
            "/images/create",
            query: [
                ("fromImage", reference.repository),
                ("tag", reference.digest ?? reference.tag ?? "latest"),
            ],
            headers: ["X-Registry-Auth": Self.registryAuth(credentials, reference)], operation
        ) { line in
            if let (done, total) = progress.take(line) { onProgress(done, total) }
        }
        guard let image = try await image(reference.description) else {
            throw DockerError(
                .failed, "\(operation): the pull succeeded, but the engine does not have the image"
            )
        }
        return image
    }

    /// `nil` if the engine has no image of this name or id.
    public func image(_ name: String) async throws(DockerError) -> EngineImage? {
        do throws(DockerError) {
            let answer = try await call(
                "GET", "/images/\(name)/json", "cannot look at image \(name) on \(self.name)")
            return try decode(answer, "image \(name)")
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    public func images() async throws(DockerError) -> [EngineImage] {
        let answer = try await call("GET", "/images/json", "cannot list the images on \(name)")
        return try decode(answer, "its images")
    }

    /// Removes one name of an image, and the image with its last name.
    ///
    /// - Returns: false if a container uses the image, which is then kept.
    public func removeImage(_ name: String) async throws(DockerError) -> Bool {
        do throws(DockerError) {
            _ = try await call(
                "DELETE", "/images/\(name)", "cannot remove image \(name) on \(self.name)")
            return true
        } catch {
            if error.code == .notFound { return true }
            if error.code == .conflict { return false }
            throw error
        }
    }

    /// Disk usage of all images.
    public func imageBytes() async throws(DockerError) -> Int64? {
        struct Usage: Decodable {
            var LayersSize: Int64?
        }
        let answer = try await call(
            "GET", "/system/df", "cannot ask for the disk usage of \(name)")
        let usage: Usage = try decode(answer, "its disk usage")
        return usage.LayersSize
    }

    /// The header that an engine passes on to the registry. It is required even without a login.
    private static func registryAuth(
        _ credentials: RegistryCredentials?, _ reference: ImageReference
    ) -> String {
        var fields: [String: JSON] = [:]
        if let credentials {
            fields = [
                "username": .string(credentials.user), "password": .string(credentials.password),
                "serveraddress": .string(reference.registry ?? "https://index.docker.io/v1/"),
            ]
        }
        return Data(JSON.object(fields).bytes).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
    }
}

/// An image on an engine.
public struct EngineImage: Sendable, Decodable, Hashable {
    public var id: String
    /// `repository:tag`; `<none>:<none>` or nothing for an image pulled by digest.
    public var tags: [String]?
    /// `repository@sha256:…`
    public var digests: [String]?
    public var sizeBytes: Int64?

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case tags = "RepoTags"
        case digests = "RepoDigests"
        case sizeBytes = "Size"
    }

    /// All names of the image in the repository of `reference`.
    public func names(inRepositoryOf reference: ImageReference) -> [String] {
        ((tags ?? []) + (digests ?? [])).filter { name in
            (try? ImageReference(name))?.isOfSameRepository(as: reference) ?? false
        }
    }
}

extension DockerEngine {
    /// Removes the images of a repository that no container uses, not even a stopped one.
    ///
    /// - Parameter keep: names or ids that are kept in any case.
    /// - Returns: the removed names.
    public func removeUnusedImages(
        of reference: ImageReference, keep: Set<String>
    ) async throws(DockerError) -> [String] {
        // Images first: if a container is created from one after this, the engine refuses its
        // removal.
        let images = try await images()
        let used = Set(try await containers().map(\.imageID))
        var removed: [String] = []
        for image in images where !used.contains(image.id) {
            let names = image.names(inRepositoryOf: reference)
            guard keep.isDisjoint(with: names + [image.id]) else { continue }
            // Without a digest it cannot be pulled again, so it is kept.
            guard !(image.digests ?? []).isEmpty else { continue }
            for name in names where !name.hasSuffix("<none>") {
                if try await removeImage(name) { removed.append(name) }
            }
        }
        return removed
    }
}
