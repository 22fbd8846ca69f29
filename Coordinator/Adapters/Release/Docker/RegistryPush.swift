import BuildProtocol
import CoordinatorCore
import DockerKit
import HTTPClientKit

/// Pushes the image of one release to a registry as a containerDisk: layer, configuration, and a
/// manifest tagged with the image's own name. The moving tag is handled by `RegistryTarget`.
struct RegistryPush: Sendable {
    let settings: RegistrySettings
    let repository: RegistryRepository

    init(_ settings: RegistrySettings, _ secret: Secret?, guestOS: String) throws(ReleaseFault) {
        self.settings = settings
        do throws(DockerError) {
            let registry = try Self.registry(settings, secret)
            let path = settings.repository.filled(guestOS: guestOS)
            let reference = try ImageReference("\(registry.host)/\(path)")
            guard reference.tag == nil, reference.digest == nil else {
                throw DockerError(.invalid, "repository '\(path)' has a tag: leave it out")
            }
            repository = registry.repository(path)
        } catch { throw ReleaseFault(because: error) }
    }

    static func registry(
        _ settings: RegistrySettings, _ secret: Secret?
    ) throws(DockerError) -> Registry {
        try Registry(
            url: settings.url, tls: TLSFiles(authorities: settings.caFile),
            credentials: settings.username.map {
                RegistryCredentials(user: $0, password: secret?.reveal ?? "")
            })
    }

    private enum Key {
        /// `<image's SHA-256> <layer's digest>`
        static let layer = "layer"
        static let upload = "upload"
        static let isNew = "isNew"
        static let digest = "digest"
    }

    /// - Returns: the manifest, which the registry has under its digest and the image's name.
    func run(
        _ order: ReleaseOrder, _ journal: ReleaseJournal, _ steps: any ReleaseSteps
    ) async throws -> RegistryRepository.Manifest {
        if let wanted = order.format ?? settings.format, !wanted.isMet(by: order.image.format) {
            throw ReleaseFault(
                .rejected,
                "the image is \(order.image.format.rawValue) and a registry gets images as they "
                    + "were built: release it without the format \(wanted.rawValue)")
        }
        let name = Self.diskName(order)
        let layer = try DiskLayer(file: order.imagePath, name: name)
        let digest = try await layerDigest(layer, order, journal, steps)
        let manifest = DiskManifest(
            layerDigest: digest, layerBytes: layer.sizeBytes, labels: Self.labels(order))
        try await pushLayer(layer.blob(digest: digest), journal, steps)
        _ = try await repository.push(Blob(manifest.config))
        let tag = order.build.imageName
        let kept = try await repository.manifest(tag)
        let whole = RegistryRepository.Manifest(
            digest: manifest.digest, mediaType: DiskManifest.mediaType, bytes: manifest.manifest)
        if await journal[Key.isNew] == nil {
            // A cleanup may remove only what this release has added.
            try await journal.note([
                Key.digest: whole.digest, Key.isNew: kept?.digest == whole.digest ? "no" : "yes",
            ])
        }
        if kept?.digest != whole.digest {
            try await repository.put(whole.bytes, type: whole.mediaType, tag: tag)
        }
        return whole
    }

    /// The digest of the image that `takeBack` would remove.
    static func added(by release: Release) -> String? {
        release.journal[Key.isNew] == "yes" ? release.journal[Key.digest] : nil
    }

    /// Removes what `run` pushed.
    func takeBack(_ journal: ReleaseJournal) async throws {
        if await journal[Key.isNew] == "yes", let digest = await journal[Key.digest] {
            do throws(DockerError) { try await repository.delete(digest) } catch {
                // A registry that deletes nothing keeps an image that no moving tag points to.
                guard error.code == .refused(405) else { throw error }
            }
        }
        // Blobs without a manifest, and interrupted uploads, are left to the registry's garbage
        // collection.
    }

    private func layerDigest(
        _ layer: DiskLayer, _ order: ReleaseOrder, _ journal: ReleaseJournal,
        _ steps: any ReleaseSteps
    ) async throws -> String {
        let known = await journal[Key.layer]?.split(separator: " ").map(String.init) ?? []
        if known.count == 2, known[0] == order.image.sha256 { return known[1] }
        await steps.progress("reading the image", doneBytes: 0, totalBytes: layer.sizeBytes)
        let digest = try await layer.digest()
        try await journal.note([Key.layer: "\(order.image.sha256) \(digest)"])
        return digest
    }

    private func pushLayer(
        _ blob: Blob, _ journal: ReleaseJournal, _ steps: any ReleaseSteps
    ) async throws {
        let upload = await journal[Key.upload]
        _ = try await steps.reporting("pushing the image", of: blob.sizeBytes) { report in
            try await repository.push(
                blob, upload: upload,
                onUpload: { try await journal.note([Key.upload: $0]) }, onProgress: report)
        }
    }

    /// KubeVirt boots the only file in `/disk`, whatever its name.
    private static func diskName(_ order: ReleaseOrder) -> String {
        let name = order.build.imageName
        return "\(name.utf8.count <= 80 ? name : "disk").\(order.image.format.rawValue)"
    }

    private static func labels(_ order: ReleaseOrder) -> [String: String] {
        var labels = order.plan.properties
        labels.merge([
            "org.opencontainers.image.title": order.build.imageName,
            "org.opencontainers.image.version": String(order.build.number),
            "org.opencontainers.image.vendor": "aibuild",
            "aibuild.build": order.build.id, "aibuild.guestos": order.build.guestOS,
            "aibuild.os_type": order.guestOS.type.rawValue,
            "aibuild.os_distro": order.guestOS.distro,
            "aibuild.os_version": order.guestOS.version,
            "aibuild.image.sha256": order.image.sha256,
        ]) { $1 }
        if !order.image.url.isEmpty { labels["org.opencontainers.image.url"] = order.image.url }
        if let commit = order.build.plan.commit {
            labels["org.opencontainers.image.revision"] = commit
        }
        return labels
    }
}
