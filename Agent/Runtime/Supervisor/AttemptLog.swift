import AgentCore
import BuildProtocol
import Glibc
import Support

/// The log file of one attempt. Whole records only, hashed while they are written.
final class AttemptLog {
    private let path: String
    private let file: Descriptor
    private var cap: LogCap
    private var hasher: SHA256?
    private(set) var sizeBytes: Int64 = 0

    init(_ path: String, limitBytes: Int64) throws(SystemError) {
        self.path = path
        file = try Descriptor(path, O_WRONLY | O_CREAT | O_TRUNC)
        cap = LogCap(limitBytes: limitBytes)
        hasher = SHA256()
    }

    /// Appends records, within the limit.
    func write(_ records: [UInt8]) throws(SystemError) {
        if records.isEmpty { return }
        let (count, becameFull) = cap.admit(records)
        try append(records, count)
        if becameFull { try append(Self.truncation(cap.fullNotice)) }
        if cap.isFull,
            let notice = cap.progress(nowMilliseconds: Clocks.monotonicMilliseconds())
        {
            try append(Self.truncation(notice))
        }
    }

    /// Appends a line from the supervisor itself.
    func note(_ text: String) throws(SystemError) { try write(Self.record(text)) }

    /// Appends a line about the log itself.
    func note(_ kind: LogRecord.Kind, _ text: String) throws(SystemError) {
        try write(Self.record(kind, text))
    }

    /// Appends the tail that the limit held back, and makes the file durable.
    func close() throws(SystemError) -> (sizeBytes: Int64, sha256: String) {
        if let (notice, tail) = cap.finish() { try append(Self.truncation(notice) + tail) }
        try file.sync()
        let digest = hasher.take()?.finish() ?? ""
        return (sizeBytes, digest)
    }

    private func append(_ bytes: [UInt8], _ count: Int? = nil) throws(SystemError) {
        let count = count ?? bytes.count
        if count == 0 { return }
        var failure: SystemError?
        bytes.withUnsafeBytes { raw in
            var piece = UnsafeRawBufferPointer(rebasing: raw[..<count])
            do throws(SystemError) { try file.writeAll(piece, at: sizeBytes) } catch {
                failure = error
                piece = keepWholeRecords(of: piece)
            }
            hasher?.update(piece)
            sizeBytes += Int64(piece.count)
        }
        if let failure { throw SystemError(errno: failure.errno, "cannot write \(path)") }
    }

    /// Truncates what a full disk accepted of a piece to whole records. Those may have been read
    /// already, so they stay; a partial one was not, and must never be.
    private func keepWholeRecords(of piece: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let written = Int(((try? file.sizeBytes()) ?? sizeBytes) - sizeBytes)
        let newline = piece.prefix(max(0, written)).lastIndex(of: 0x0A)
        let whole = UnsafeRawBufferPointer(rebasing: piece.prefix(newline.map { $0 + 1 } ?? 0))
        ftruncate(file.raw, Int(sizeBytes) + whole.count)
        return whole
    }

    private static func truncation(_ text: String) -> [UInt8] { record(.truncated, text) }

    private static func record(_ kind: LogRecord.Kind, _ text: String) -> [UInt8] {
        var records: [UInt8] = []
        LogEncoder.append(
            kind, text, unixMilliseconds: Clocks.unixMilliseconds(), into: &records)
        return records
    }

    private static func record(_ text: String) -> [UInt8] {
        var records: [UInt8] = []
        LogEncoder.append(
            text, stream: .sys, unixMilliseconds: Clocks.unixMilliseconds(), into: &records)
        return records
    }
}
