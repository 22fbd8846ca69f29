public import BuildProtocol

/// The files of a build in the order in which they are published: its image comes first.
public struct ArtifactOrder: Sendable {
    public let sorted: [Artifact]

    /// What decides between two files, the first difference first.
    private struct Rank: Comparable {
        var parts: [Bool]
        var sizeBytes: Int64
        var name: String

        /// Whether the first is the better image.
        static func < (a: Rank, b: Rank) -> Bool {
            for (left, right) in zip(a.parts, b.parts) where left != right { return left }
            return a.sizeBytes == b.sizeBytes ? a.name < b.name : a.sizeBytes > b.sizeBytes
        }
    }

    /// The one that was published as the image stays it. Otherwise it is, of the disk images (or of
    /// the other files, if there is none), the one that `image` of aibuild.yml names, then the one
    /// with the image's name, then the largest. A disk that is numbered after another is its data
    /// disk, however large.
    public init(_ artifacts: [Artifact], of build: Build) {
        self.init(
            artifacts, imageName: build.imageName,
            published: build.stage == .test ? build.image?.sha256 : nil)
    }

    /// - Parameter published: the digest of the image, if it was published before.
    public init(_ artifacts: [Artifact], imageName: String, published: String? = nil) {
        let names = Set(artifacts.map(\.name))
        sorted = artifacts.map { artifact in
            let rank = Rank(
                parts: [
                    artifact.sha256 == published, artifact.isImage == true,
                    artifact.format.isDiskImage, [.archive, .box, .remote].contains(artifact.kind),
                    artifact.isProduct, Self.isNamed(artifact.name, imageName),
                    !Self.isDataDisk(artifact.name, of: names),
                ], sizeBytes: artifact.sizeBytes, name: artifact.name)
            return (rank, artifact)
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// Whether it is the image's name, with an extension or without.
    private static func isNamed(_ name: String, _ imageName: String) -> Bool {
        guard name.utf8.starts(with: imageName.utf8) else { return false }
        let rest = name.utf8.dropFirst(imageName.utf8.count)
        guard let dot = rest.first else { return true }
        return dot == UInt8(ascii: ".") && rest.dropFirst().allSatisfy(FileEnding.isPlain)
    }

    /// As Packer names additional disks: `debian.qcow2-1` beside `debian.qcow2`.
    private static func isDataDisk(_ name: String, of names: Set<String>) -> Bool {
        let digits = name.utf8.reversed().prefix { (0x30...0x39).contains($0) }.count
        let stem = name.utf8.dropLast(digits)
        guard digits > 0, stem.last == UInt8(ascii: "-") else { return false }
        return names.contains(String(Substring(stem.dropLast())))
    }
}
