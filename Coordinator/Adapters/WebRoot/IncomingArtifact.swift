import BuildProtocol
import CoordinatorCore
import Glibc
import Support

/// An artifact that is being pulled into the web root: a `.part` file on the same file system. Its
/// SHA-256 is computed as the bytes arrive; those that arrive out of order are hashed later.
actor IncomingArtifact: IncomingFile {
    private let artifact: Artifact
    private let path: String
    private let file: Descriptor
    private let direct: DirectWriter?
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
        direct = DirectWriter(path)
    }

    func missingRanges() throws -> [Range<Int64>] {
        hasher = SHA256()
        hashedBytes = 0
        ahead = [:]
        return try artifact.missingRanges(presentBytes: try file.sizeBytes()) { index, range in
            try accept(range, digest: artifact.chunkSHA256[index])
        }
    }

    /// Reads the range, and accepts it if it has the digest.
    private func accept(_ range: Range<Int64>, digest: String) throws -> Bool {
        var hasher = SHA256()
        guard try read(range, { hasher.update($0) }), hasher.finish() == digest else {
            return false
        }
        // The second time from the page cache: a chunk of a large image does not fit in memory.
        var offset = range.lowerBound
        return try read(range) { piece in
            accept(piece, at: offset)
            offset += Int64(piece.count)
        }
    }

    /// Reads the range in pieces.
    /// - Returns: false if the file ends before it.
    private func read(
        _ range: Range<Int64>, _ use: (UnsafeRawBufferPointer) -> Void
    ) throws -> Bool {
        let piece = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ProtocolLimits.artifactChunkBytes, alignment: 16)
        defer { piece.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = Int(min(Int64(piece.count), range.upperBound - offset))
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<wanted])
            guard try file.read(into: part, at: offset) == wanted else { return false }
            use(UnsafeRawBufferPointer(part))
            offset += Int64(wanted)
        }
        return true
    }

    /// Hashes the piece if it is the next in order; otherwise remembers that it was written.
    private func accept(_ bytes: UnsafeRawBufferPointer, at offset: Int64) {
        if offset == hashedBytes {
            hasher.update(bytes)
            hashedBytes += Int64(bytes.count)
        } else if offset > hashedBytes {
            ahead[offset] = offset + Int64(bytes.count)
        }
    }

    func write(_ bytes: [UInt8], at offset: Int64) throws {
        // Subtracted, because a sum could overflow.
        guard offset >= 0, offset <= artifact.sizeBytes - Int64(bytes.count) else {
            throw HostFault(.refused, "the host sent more of \(artifact.name) than it announced")
        }
        do {
            try bytes.withUnsafeBytes { raw in
                let done = try direct?.write(raw, at: offset) ?? 0
                let rest = UnsafeRawBufferPointer(rebasing: raw[done...])
                if !rest.isEmpty { try file.writeAll(rest, at: offset + Int64(done)) }
            }
        } catch let error as SystemError {
            throw WebRootFault(error, path)
        }
        bytes.withUnsafeBytes { accept($0, at: offset) }
        try hashPending()
    }

    /// Hashes pieces that arrived out of order, from the page cache.
    private func hashPending() throws {
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
        try hashPending()
        let size = try file.sizeBytes()
        let isComplete = size == artifact.sizeBytes && hashedBytes == artifact.sizeBytes
        var finished = SHA256()
        swap(&finished, &hasher)
        hashedBytes = 0
        guard isComplete, finished.finish() == artifact.sha256 else {
            try Files.remove(path)
            return false
        }
        do { try file.sync() } catch { throw WebRootFault(error, path) }
        return true
    }
}

extension SystemError {
    /// Whether the same call will fail whenever it is repeated.
    fileprivate var isImpossible: Bool {
        [ENAMETOOLONG, EFBIG, EISDIR, ENOTDIR, ELOOP].contains(errno)
    }
}

extension WebRootFault {
    init(_ error: SystemError, _ path: String) {
        if error.isImpossible {
            self.init(.impossible, "The web root cannot hold this file (\(path)).", cause: error)
            return
        }
        self.init(
            error.isDiskFull
                ? "The web root's disk is full (\(path)). Make room: builds that wait for it go on "
                    + "by themselves."
                : "The web root cannot be used (\(path)). Check that the coordinator's user may "
                    + "write it: builds that wait for it go on by themselves.", cause: error)
    }
}
