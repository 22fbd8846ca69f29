public import BuildProtocol
public import CoordinatorCore
import FoundationEssentials
import Glibc
import ProcessKit
import Support
import TextKit

/// Logs as files: `<folder>/<first two digits>/<token>.ndjson`, with the evidence of a guest beside
/// it as `<token>.evidence.json`. All writes go through one thread, so that appends to one log
/// cannot interleave.
public actor FileLogStore: LogStore {
    private let folder: String
    private let executor = QueueExecutor(label: "aibuild.logs")

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// - Throws: `SystemError` if the folder cannot be created.
    public init(folder: String) throws {
        try Files.makeFolder(folder, mode: 0o750)
        self.folder = folder
    }

    public nonisolated func path(_ attempt: AttemptToken) -> String {
        "\(folder)/\(attempt.text.prefix(2))/\(attempt.text).ndjson"
    }

    public func append(
        _ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]
    ) throws -> Int64 {
        let file = try open(attempt)
        let size = try file.truncateToLastLine()
        let known = size - cursor
        guard known >= 0, known < bytes.count else { return size }
        try bytes.withUnsafeBytes { raw in
            try file.writeAll(UnsafeRawBufferPointer(rebasing: raw[Int(known)...]), at: size)
        }
        return cursor + Int64(bytes.count)
    }

    /// Whole lines: a coordinator that was killed while it wrote, or a full disk, leaves a partial
    /// line, and an agent continues only from the start of a line.
    public func sizeBytes(_ attempt: AttemptToken) throws -> Int64 {
        guard Files.exists(path(attempt)) else { return 0 }
        return try Descriptor(path(attempt), O_RDWR).truncateToLastLine()
    }

    public func read(
        _ attempt: AttemptToken, from cursor: Int64, limit: Int
    ) throws -> [UInt8] {
        guard Files.exists(path(attempt)) else { return [] }
        let file = try Descriptor(path(attempt), O_RDONLY)
        let rest = try file.sizeBytes() - cursor
        guard rest > 0, cursor >= 0 else { return [] }
        let count = Int(min(Int64(limit), rest))
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try file.read(
                into: UnsafeMutableRawBufferPointer(buffer), at: cursor)
        }
    }

    public func seal(_ attempt: AttemptToken) async throws -> String {
        let file = try open(attempt)
        try file.sync()
        let path = path(attempt)
        // Hashing a large log must not block the other logs.
        return try await OwnThread.run { try SHA256.file(path) }
    }

    public func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) throws {
        let path = evidencePath(attempt)
        try Files.makeFolder(Files.folder(of: path), mode: 0o750)
        try Files.replace(path, with: try CanonicalJSON.encode(evidence), mode: 0o640)
    }

    public func evidence(of attempt: AttemptToken) throws -> GuestEvidence? {
        let path = evidencePath(attempt)
        guard Files.exists(path) else { return nil }
        let bytes = try Files.read(path, limitBytes: ProtocolLimits.lineBytes)
        return try JSONDecoder().decode(GuestEvidence.self, from: Data(bytes))
    }

    public func reset(_ attempt: AttemptToken) throws {
        try Files.remove(evidencePath(attempt))
        try Files.remove(path(attempt))
    }

    private nonisolated func evidencePath(_ attempt: AttemptToken) -> String {
        "\(folder)/\(attempt.text.prefix(2))/\(attempt.text).evidence.json"
    }

    private func open(_ attempt: AttemptToken) throws -> Descriptor {
        let path = path(attempt)
        if !Files.exists(path) { try Files.makeFolder(Files.folder(of: path), mode: 0o750) }
        return try Descriptor(path, O_RDWR | O_CREAT, mode: 0o640)
    }
}
