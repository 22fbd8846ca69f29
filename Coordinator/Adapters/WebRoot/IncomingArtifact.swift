import BuildProtocol
import CoordinatorCore
import Glibc
import Support

/// An artifact on its way into the web root: a `.part` file beside its future place. The SHA-256
/// is taken as the bytes arrive; what arrived ahead of the others is hashed when its turn comes.
actor IncomingArtifact: IncomingFile {
    private let artifact: Artifact
    private let path: String
    private let file: Descriptor
    private let executor = QueueExecutor(label: "aibuild.incoming")
    private var hasher = SHA256()
    private var hashedBytes: Int64 = 0
    /// Written pieces beyond `hashedBytes`: start → end.
    private var ahead: [Int64: Int64] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    init(_ artifact: Artifact, path: String) throws {
        self.artifact = artifact
        self.path = path
        file = try Descriptor(path, O_RDWR | O_CREAT, mode: 0o644)
    }

    func verifiedPrefixBytes() throws -> Int64 {
        hasher = SHA256()
        hashedBytes = 0
        ahead = [:]
        let chunkBytes = ProtocolLimits.artifactChunkBytes
        let size = try min(file.sizeBytes(), artifact.sizeBytes)
        var chunk = [UInt8](repeating: 0, count: chunkBytes)
        for digest in artifact.chunkSHA256 {
            let length = Int(min(Int64(chunkBytes), size - hashedBytes))
            guard length > 0 else { break }
            let count = try chunk.withUnsafeMutableBytes { raw in
                try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: raw[..<length]), at: hashedBytes)
            }
            let isWhole = count == chunkBytes || hashedBytes + Int64(count) == artifact.sizeBytes
            guard isWhole, SHA256.hex(chunk[..<count]) == digest else { break }
            chunk.withUnsafeBytes { raw in
                hasher.update(UnsafeRawBufferPointer(rebasing: raw[..<count]))
            }
            hashedBytes += Int64(count)
        }
        return hashedBytes
    }

    func write(_ bytes: [UInt8], at offset: Int64) throws {
        guard offset >= 0, offset + Int64(bytes.count) <= artifact.sizeBytes else {
            throw HostFault("the host sent more of \(artifact.name) than it announced")
        }
        do {
            try bytes.withUnsafeBytes { raw in try file.writeAll(raw, at: offset) }
        } catch let error as SystemError {
            throw WebRootFault.from(error, path)
        }
        if offset == hashedBytes {
            bytes.withUnsafeBytes { raw in hasher.update(raw) }
            hashedBytes += Int64(bytes.count)
            try catchUp()
        } else if offset > hashedBytes {
            ahead[offset] = offset + Int64(bytes.count)
        }
    }

    /// Hashes what arrived before its turn, from the page cache.
    private func catchUp() throws {
        var piece: [UInt8] = []
        while let end = ahead.removeValue(forKey: hashedBytes) {
            let length = Int(end - hashedBytes)
            if piece.count < length { piece = [UInt8](repeating: 0, count: length) }
            let count = try piece.withUnsafeMutableBytes { raw in
                try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: raw[..<length]), at: hashedBytes)
            }
            guard count == length else {
                throw WebRootFault("\(path) changed while it was written")
            }
            piece.withUnsafeBytes { raw in
                hasher.update(UnsafeRawBufferPointer(rebasing: raw[..<length]))
            }
            hashedBytes = end
        }
    }

    func verify() throws -> Bool {
        let size = try file.sizeBytes()
        let isComplete = size == artifact.sizeBytes && hashedBytes == artifact.sizeBytes
        var finished = SHA256()
        swap(&finished, &hasher)
        hashedBytes = 0
        guard isComplete, finished.finish() == artifact.sha256 else {
            try Files.remove(path)
            return false
        }
        do { try file.sync() } catch { throw WebRootFault.from(error, path) }
        return true
    }
}

extension WebRootFault {
    static func from(_ error: SystemError, _ path: String) -> WebRootFault {
        if error.isDiskFull {
            return WebRootFault(
                "the web root's disk is full (\(path)): make room, the build goes on by itself")
        }
        return WebRootFault(
            "\(error): check that the coordinator's user may write the web root, the build goes "
                + "on by itself")
    }
}
