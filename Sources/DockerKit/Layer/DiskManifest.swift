import Support
import TextKit

/// Configuration and manifest of a container image with one disk and no program.
public struct DiskManifest: Sendable, Hashable {
    public let config: [UInt8]
    public let manifest: [UInt8]
    /// `sha256:…`: the immutable name of the image.
    public let digest: String
    public static let mediaType = MediaType.manifest

    /// - Parameters:
    ///   - created: RFC 3339; the time of the disk, so that equal disks have equal manifests.
    public init(
        layerDigest: String, layerBytes: Int64, architecture: String = "amd64",
        created: String? = nil, labels: [String: String]
    ) {
        var config: [String: JSON] = [
            "architecture": .string(architecture), "os": .string("linux"),
            "config": .object(["Labels": .object(labels.mapValues(JSON.string))]),
            "rootfs": .object([
                "type": .string("layers"), "diff_ids": .array([.string(layerDigest)]),
            ]),
        ]
        if let created { config["created"] = .string(created) }
        self.config = JSON.object(config).bytes
        let blob = Blob(self.config)
        manifest =
            JSON.object([
                "schemaVersion": .int(2), "mediaType": .string(MediaType.manifest),
                "config": Self.descriptor(MediaType.config, blob.digest, blob.sizeBytes),
                "layers": .array([Self.descriptor(MediaType.layer, layerDigest, layerBytes)]),
            ]).bytes
        digest = "sha256:" + SHA256.hex(manifest)
    }

    private static func descriptor(_ type: String, _ digest: String, _ size: Int64) -> JSON {
        .object(["mediaType": .string(type), "digest": .string(digest), "size": .int(size)])
    }
}
