import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// The disk with the logs; it outlives the coordinators.
final class LogDisk: Sendable {
    private let files = Mutex<[AttemptToken: [UInt8]]>([:])

    func append(_ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]) -> Int64 {
        files.withLock { files in
            let size = Int64(files[attempt]?.count ?? 0)
            if cursor <= size, cursor >= 0 {
                files[attempt, default: []] += bytes.dropFirst(Int(size - cursor))
            }
            return Int64(files[attempt]?.count ?? 0)
        }
    }

    func bytes(_ attempt: AttemptToken) -> [UInt8] { files.withLock { $0[attempt] ?? [] } }
    func reset(_ attempt: AttemptToken) { files.withLock { $0[attempt] = nil } }
}

/// The way of one coordinator process to the logs.
struct SimulatedLogs: LogStore {
    let gate: Gate
    let disk: LogDisk

    func append(_ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]) async throws -> Int64 {
        try await gate.effect(on: .logs) { disk.append(attempt, at: cursor, bytes) }
    }
    func sizeBytes(_ attempt: AttemptToken) async throws -> Int64 {
        try await gate.effect(on: .hosts) { Int64(disk.bytes(attempt).count) }
    }
    func read(_ attempt: AttemptToken, from cursor: Int64, limit: Int) async throws -> [UInt8] {
        Array(disk.bytes(attempt).dropFirst(Int(cursor)).prefix(limit))
    }
    func seal(_ attempt: AttemptToken) async throws -> String {
        try await gate.effect(on: .logs) { SHA256.hex(disk.bytes(attempt)) }
    }
    func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) async throws {
        try await gate.effect(on: .logs) {}
    }
    func evidence(of attempt: AttemptToken) async throws -> GuestEvidence? { nil }
    func reset(_ attempt: AttemptToken) async throws {
        try await gate.effect(on: .logs) { disk.reset(attempt) }
    }
}
