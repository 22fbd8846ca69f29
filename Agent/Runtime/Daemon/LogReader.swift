import AgentCore
import BuildProtocol
import Glibc
import Support

/// Reads an attempt's log from a cursor on, whole lines at a time.
struct LogReader {
    private let folder: AttemptFolder
    private var cursor: Int64
    private var isChecked = false

    init(_ folder: AttemptFolder, cursor: Int64) {
        self.folder = folder
        self.cursor = cursor
    }

    /// The next piece, or `nil` when there is no further whole line yet.
    /// - Throws: `Failure` when the cursor is not the start of a line.
    mutating func next() throws -> LogChunk? {
        guard Files.exists(folder.log) else { return nil }
        let file = try Descriptor(folder.log, O_RDONLY)
        if !isChecked {
            try check(file)
            isChecked = true
        }
        let size = try file.sizeBytes()
        guard size > cursor else { return nil }
        let wanted = Int(min(size - cursor, Int64(ProtocolLimits.logChunkBytes)))
        let bytes = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: cursor)
        }
        guard let newline = bytes.lastIndex(of: 0x0A) else { return nil }
        let data = String(decoding: bytes[...newline], as: UTF8.self)
        defer { cursor += Int64(newline + 1) }
        return LogChunk(attempt: folder.token, cursor: cursor, data: data)
    }

    private func check(_ file: borrowing Descriptor) throws {
        let size = try file.sizeBytes()
        guard cursor >= 0, cursor <= size else {
            throw Failure("the cursor \(cursor) lies behind the log's \(size) bytes")
        }
        if cursor == 0 { return }
        var before: UInt8 = 0
        _ = try withUnsafeMutableBytes(of: &before) { try file.read(into: $0, at: cursor - 1) }
        guard before == 0x0A else {
            throw Failure("the cursor \(cursor) is not the start of a line")
        }
    }
}
