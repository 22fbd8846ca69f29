import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

@testable import DockerKit

struct LayerTests {
    private func bytes(_ layer: DiskLayer, from offset: Int64 = 0) throws -> [UInt8] {
        let reader = try layer.open(at: offset)
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 1)
        defer { buffer.deallocate() }
        while case let count = try reader.read(into: buffer), count > 0 {
            bytes += buffer[..<count]
        }
        return bytes
    }

    private func makeDisk(_ folder: TemporaryFolder, _ size: Int) throws -> String {
        let path = folder.path + "/image"
        try Files.replace(path, with: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        return path
    }

    @Test("tar reads a disk layer of any size", arguments: [0, 1, 511, 512, 513, 5000])
    func tarReadsLayer(_ size: Int) async throws {
        let folder = try TemporaryFolder()
        let path = try makeDisk(folder, size)
        let layer = try DiskLayer(file: path, name: "debian-12.qcow2")
        let archive = try bytes(layer)
        #expect(Int64(archive.count) == layer.sizeBytes)
        #expect(try await layer.digest() == "sha256:" + SHA256.hex(archive))
        try Files.replace(folder.path + "/layer.tar", with: archive)
        let tar = { (words: [String]) in
            try await Command(
                ["tar"] + words, environment: Command.minimalEnvironment, workFolder: folder.path
            ).run(timeoutSeconds: 300)
        }
        let list = try await tar(["--numeric-owner", "--full-time", "-tvf", "layer.tar"])
        let lines = list.stdoutText.split(separator: "\n").map {
            $0.split(separator: " ").filter { !$0.isEmpty }
        }
        #expect(list.stderrText == "")
        #expect(lines.count == 2)
        #expect(lines.first?.prefix(2) == ["drwxr-xr-x", "107/107"])
        #expect(lines.last?.prefix(3) == ["-r--r-----", "107/107", "\(size)"])
        #expect(lines.last?.last == "disk/debian-12.qcow2")
        let content = try await tar(["-xOf", "layer.tar", "disk/debian-12.qcow2"])
        #expect(try content.stdout == Files.read(path, limitBytes: size))
    }

    @Test("A layer can be read from any offset")
    func layerReadsFromAnyOffset() async throws {
        let folder = try TemporaryFolder()
        let layer = try DiskLayer(file: makeDisk(folder, 1500), name: "a.qcow2")
        let all = try bytes(layer)
        for offset in [
            0, 1, 511, 512, 1023, 1024, 1025, 2523, 2524, 2525, all.count - 1, all.count,
        ] {
            #expect(try bytes(layer, from: Int64(offset)) == Array(all[offset...]))
        }
    }

    /// 8 GiB and more do not fit into eleven octal digits.
    @Test(
        "Sizes of 8 GiB and more are encoded as GNU tar does",
        arguments: [8 << 30, (8 << 30) - 1, 1 << 42] as [Int64])
    func largeSizesAreEncoded(_ size: Int64) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/image"
        try Files.replace(path, with: [])
        guard truncate(path, Int(size)) == 0 else { throw SystemError.last("truncate") }
        let layer = try DiskLayer(file: path, name: "a.qcow2")
        #expect(layer.sizeBytes == 1024 + size + (size % 512 == 0 ? 0 : 1) + 1024)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 1)
        defer { buffer.deallocate() }
        let reader = try layer.open(at: 0)
        #expect(try reader.read(into: buffer) == 1024)
        let script = """
            import sys, tarfile
            block = sys.stdin.buffer.read()[512:1024]
            entry = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
            print(entry.name, entry.size, entry.uid, oct(entry.mode), entry.mtime)
            """
        let output = try await Command(
            ["/usr/bin/python3", "-c", script], environment: Command.minimalEnvironment
        ).run(stdin: Array(buffer), timeoutSeconds: 300)
        #expect(output.stdoutText == "disk/a.qcow2 \(size) 107 0o440 0\n", "\(output.stderrText)")
    }

    @Test("A file that changed and a bad name are refused")
    func changedFileIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = try makeDisk(folder, 600)
        let layer = try DiskLayer(file: path, name: "a.qcow2")
        try Files.replace(path, with: [1, 2, 3])
        #expect(throws: Failure("\(path) changed while it was read")) { try layer.open(at: 0) }
        #expect(throws: DockerError.self) { try DiskLayer(file: path + "x", name: "a") }
        #expect(throws: DockerError.self) { try DiskLayer(file: path, name: "a/b") }
    }

    @Test("The manifest depends on the disk alone")
    func manifestIsDeterministic() throws {
        let make = {
            DiskManifest(
                layerDigest: "sha256:1", layerBytes: 7, created: "2026-01-02T03:04:05Z",
                labels: ["b": "2", "a": "1"])
        }
        let disk = make()
        #expect(disk == make())
        #expect(
            String(decoding: disk.config, as: UTF8.self)
                == #"{"architecture":"amd64","config":{"Labels":{"a":"1","b":"2"}},"#
                + #""created":"2026-01-02T03:04:05Z","os":"linux","#
                + #""rootfs":{"diff_ids":["sha256:1"],"type":"layers"}}"#)
        let digest = "sha256:" + SHA256.hex(disk.config)
        #expect(
            String(decoding: disk.manifest, as: UTF8.self)
                == #"{"config":{"digest":"\#(digest)","#
                + #""mediaType":"application/vnd.oci.image.config.v1+json","#
                + #""size":\#(disk.config.count)},"#
                + #""layers":[{"digest":"sha256:1","mediaType":"#
                + #""application/vnd.oci.image.layer.v1.tar","size":7}],"#
                + #""mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#)
    }
}
