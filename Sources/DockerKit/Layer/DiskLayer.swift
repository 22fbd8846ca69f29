import Glibc
import ProcessKit
import Support

/// A disk image as the only layer of a container image, for KubeVirt's containerDisk:
/// `/disk/<name>`, readable by the user qemu (107). Generated while it is read: there is no copy,
/// and memory does not depend on the size of the image.
///
/// The layer is not compressed. qcow2 images mostly are already, or do not compress. Without
/// compression the digest of the layer is also its `diff_id`, its length is known in advance, and
/// it can be read from any offset, so that an interrupted push can be resumed. Equal images give
/// equal bytes, so that a registry that has them does not get them again.
public struct DiskLayer: Sendable {
    /// The user qemu in the images of KubeVirt.
    static let owner: Int64 = 107

    let path: String
    let fileBytes: Int64
    private let head: [UInt8]
    private let tailBytes: Int64

    /// - Parameter name: `debian-12.qcow2`.
    public init(file path: String, name: String) throws(DockerError) {
        guard let size = Files.sizeBytes(path) else {
            throw DockerError(.invalid, "the file \(path) does not exist")
        }
        let inner = "disk/\(name)"
        guard !name.isEmpty, !name.contains("/"), inner.utf8.count <= TarHeader.nameBytes else {
            throw DockerError(
                .invalid,
                "'\(name.prefix(120))' is not a disk name: use up to "
                    + "\(TarHeader.nameBytes - 5) bytes without a slash")
        }
        self.path = path
        fileBytes = size
        head =
            TarHeader(name: "disk/", mode: 0o755, owner: Self.owner, isFolder: true).bytes
            + TarHeader(name: inner, mode: 0o440, owner: Self.owner, sizeBytes: size).bytes
        // Two empty blocks end an archive.
        tailBytes = TarHeader.padding(size) + 2 * TarHeader.blockBytes
    }

    public var sizeBytes: Int64 { Int64(head.count) + fileBytes + tailBytes }

    /// `sha256:…`. Reads the whole file, on a thread of its own.
    public func digest() async throws -> String {
        let layer = self
        return try await OwnThread.run {
            let reader = try layer.open(at: 0)
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: DockerLimits.pieceBytes, alignment: 16)
            defer { buffer.deallocate() }
            var hasher = SHA256()
            while case let count = try reader.read(into: buffer), count > 0 {
                hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            return "sha256:" + hasher.finish()
        }
    }

    public func blob(digest: String) -> Blob {
        Blob(digest: digest, sizeBytes: sizeBytes) { [self] in try open(at: $0) }
    }

    func open(at offset: Int64) throws -> any ByteReader {
        let file = try Descriptor(path, O_RDONLY)
        guard try file.sizeBytes() == fileBytes else { throw Self.changed(path) }
        return LayerReader(file, self, offset)
    }

    fileprivate static func changed(_ path: String) -> Failure {
        Failure("\(path) changed while it was read")
    }

    private final class LayerReader: ByteReader {
        private let file: Descriptor
        private let layer: DiskLayer
        private var offset: Int64

        init(_ file: consuming Descriptor, _ layer: DiskLayer, _ offset: Int64) {
            self.file = file
            self.layer = layer
            self.offset = offset
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            let head = Int64(layer.head.count)
            let count: Int
            if offset < head {
                let piece = layer.head[Int(offset)...].prefix(buffer.count)
                piece.withUnsafeBytes { buffer.copyMemory(from: $0) }
                count = piece.count
            } else if offset < head + layer.fileBytes {
                let room = min(Int64(buffer.count), head + layer.fileBytes - offset)
                count = try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(room)]),
                    at: offset - head)
                if count == 0 { throw DiskLayer.changed(layer.path) }
            } else {
                count = Int(min(Int64(buffer.count), layer.sizeBytes - offset))
                UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).initializeMemory(
                    as: UInt8.self, repeating: 0)
            }
            offset += Int64(count)
            return count
        }
    }
}
