import DiskImageKit
import HTTPClientKit
import OpenStackKit
import Support
import TestSupport
import Testing

/// Reading of images, compared with qemu-img.
struct DiskImageTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/image.qcow2" }

    init() throws { folder = try TemporaryFolder() }

    /// A qcow2 image with data, holes and an odd end.
    private func image(_ more: String...) async throws -> String {
        let raw = folder.path + "/disk"
        try await run(
            "sh", "-c", "head -c 5000000 /dev/urandom >'\(raw)'; truncate -s 37M '\(raw)'")
        try await run(
            "dd", "if=/dev/urandom", "of=\(raw)", "bs=1M", "seek=20", "count=3", "conv=notrunc",
            "status=none")
        try await run(
            "sh", "-c",
            "qemu-img convert -f raw -O qcow2 \(more.joined(separator: " ")) '\(raw)' '\(path)'")
        return raw
    }

    private func all(_ reader: any ByteReader) throws -> (bytes: Int, sha512: String) {
        var digest = Digest.sha512()
        var total = 0
        // An odd size, so that pieces and requests do not align.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 300_007, alignment: 1)
        defer { buffer.deallocate() }
        while true {
            let count = try reader.read(into: buffer)
            if count == 0 { return (total, digest.finish()) }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            total += count
        }
    }

    @Test(
        "A qcow2 image is read as the disk that qemu-img convert writes",
        arguments: ["", "-c", "-o compat=0.10", "-o cluster_size=2M"])
    func conversion(options: String) async throws {
        _ = try await image(options)
        let converted = folder.path + "/converted"
        try await run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, converted)
        let reader = try RawDiskReader(qcow2: path, sha256: SHA256.file(path))
        let expected = try ImageFileReader(
            converted, sizeBytes: 37 << 20, sha256: SHA256.file(converted))
        #expect(try all(reader) == all(expected))
        #expect(try QCOW2Header(file: path).virtualSizeBytes == 37 << 20)
    }

    @Test("An image that depends on another file is refused before any program opens it")
    func outsideFiles() async throws {
        let raw = try await image()
        let overlay = folder.path + "/overlay"
        try await run("qemu-img", "create", "-f", "qcow2", "-F", "qcow2", "-b", path, overlay)
        let backed = #expect(throws: DiskImageError.self) {
            _ = try RawDiskReader(qcow2: overlay, sha256: SHA256.file(overlay))
        }
        #expect(backed?.description.contains("backing file") == true)
        #expect(backed?.isPermanent == true)
        let outside = folder.path + "/outside"
        try await run(
            "qemu-img", "create", "-f", "qcow2", "-o", "data_file=\(raw),data_file_raw=on",
            outside, "37M")
        let external = #expect(throws: DiskImageError.self) {
            _ = try QCOW2Header(file: outside)
        }
        #expect(external?.description.contains("another file") == true)
        #expect(throws: DiskImageError.self) { _ = try QCOW2Header(file: raw) }
    }

    @Test("A file that changed since it was published is never sent whole")
    func changedFile() async throws {
        _ = try await image()
        let before = try SHA256.file(path)
        let size = try #require(Files.sizeBytes(path))
        try await run(
            "dd", "if=/dev/urandom", "of=\(path)", "bs=1", "seek=900000", "count=9",
            "conv=notrunc", "status=none")
        #expect(throws: DiskImageError.self) { _ = try RawDiskReader(qcow2: path, sha256: before) }
        let reader = try ImageFileReader(path, sizeBytes: size, sha256: before)
        let changed = #expect(throws: DiskImageError.self) { _ = try all(reader) }
        #expect(changed?.description.contains("another SHA-256") == true)
        try await run("truncate", "-s", "1M", path)
        let short = try ImageFileReader(path, sizeBytes: size, sha256: before)
        #expect(throws: DiskImageError.self) { _ = try all(short) }
    }

    @Test("A damaged image fails with the message of qemu-nbd") func damage() async throws {
        _ = try await image()
        // The cluster table is outside of the file.
        try await run(
            "sh", "-c",
            "printf '\\377\\377\\377\\377\\377\\377\\377\\0' | dd of='\(path)' bs=1 seek=40 "
                + "conv=notrunc status=none")
        let damaged = try #require(
            #expect(throws: DiskImageError.self) {
                _ = try RawDiskReader(qcow2: path, sha256: SHA256.file(path))
            })
        #expect(damaged.description.contains(path))
        #expect(damaged.description.contains("L1"), "\(damaged)")
    }

    @Test("A converted image arrives in Glance with the right digest") func convertedUpload()
        async throws
    {
        _ = try await image("-c")
        let converted = folder.path + "/converted"
        try await run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, converted)
        let glance = GlanceClient(.releaser(try await OpenStack.shared()))
        let created = try await glance.fresh()
        let path = self.path
        let sha256 = try SHA256.file(path)
        let image = try await glance.upload(
            created,
            UploadBody(sizeBytes: 37 << 20) { try RawDiskReader(qcow2: path, sha256: sha256) })
        let size = try #require(Files.sizeBytes(converted))
        let whole = try all(
            ImageFileReader(converted, sizeBytes: size, sha256: SHA256.file(converted)))
        #expect(image.hashValue == whole.sha512)
        try await glance.delete(image.id)
    }
}
