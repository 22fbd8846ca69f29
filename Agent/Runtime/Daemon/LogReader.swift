import AgentCore
import BuildProtocol
import Glibc
import Support

/// Reads an attempt's log from a cursor, whole lines at a time.
struct LogReader {
    private let folder: AttemptFolder
    private var cursor: Int64
    /// Whether the cursor is the start of a line; `nil` while the log does not reach it.
    private var isPlaced: Bool?

    init(_ folder: AttemptFolder, cursor: Int64) {
        self.folder = folder
        self.cursor = cursor
    }

    /// The next chunk, or `nil` if there is no further whole line yet.
    /// - Throws: `Misplaced` once; after that there are no chunks.
    mutating func next() throws -> LogChunk? {
        guard isPlaced != false, Files.exists(folder.log) else { return nil }
        let file = try Descriptor(folder.log, O_RDONLY)
        let size = try file.sizeBytes()
        if isPlaced == nil, try !place(file, size) { return nil }
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

    /// The reader's copy is not of this log; comparing the digest at the end will show that.
    struct Misplaced: Error, CustomStringConvertible {
        var cursor: Int64
        var description: String { "the cursor \(cursor) is not the start of a line of the log" }
    }

    /// - Returns: false while the log does not reach the cursor.
    private mutating func place(_ file: borrowing Descriptor, _ size: Int64) throws -> Bool {
        if cursor > size { return false }
        var before: UInt8 = 0x0A
        if cursor > 0 {
            _ = try withUnsafeMutableBytes(of: &before) { try file.read(into: $0, at: cursor - 1) }
        }
        isPlaced = cursor >= 0 && before == 0x0A
        if isPlaced == false { throw Misplaced(cursor: cursor) }
        return true
    }
}
