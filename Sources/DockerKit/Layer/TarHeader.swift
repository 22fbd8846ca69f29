import TextKit

/// The header of an entry of a tar archive (GNU format, which every reader supports): 512 bytes
/// that depend only on the fields here.
struct TarHeader: Sendable, Hashable {
    static let blockBytes: Int64 = 512
    static let nameBytes = 100

    var name: String
    var mode: Int64
    var owner: Int64
    var isFolder = false
    var sizeBytes: Int64 = 0

    var bytes: [UInt8] {
        var block = [UInt8](repeating: 0, count: Int(Self.blockBytes))
        func put(_ field: [UInt8], _ offset: Int) {
            block.replaceSubrange(offset..<offset + field.count, with: field)
        }
        put(Array(name.utf8.prefix(Self.nameBytes)), 0)
        put(Self.number(mode, 8), 100)
        put(Self.number(owner, 8), 108)
        put(Self.number(owner, 8), 116)
        put(Self.number(sizeBytes, 12), 124)
        // The modification time is omitted: it would give the same image a different digest.
        put(Self.number(0, 12), 136)
        put(Array("        ".utf8), 148)
        put([UInt8(ascii: isFolder ? "5" : "0")], 156)
        put(Array("ustar  \0".utf8), 257)
        let sum = block.reduce(Int64(0)) { $0 + Int64($1) }
        put(Array(sum.zeroPadded(6, radix: 8).utf8) + [0, 0x20], 148)
        return block
    }

    /// The number of zeros that fill the last block of a file.
    static func padding(_ sizeBytes: Int64) -> Int64 {
        (blockBytes - sizeBytes % blockBytes) % blockBytes
    }

    /// Octal digits or, for larger values (8 GiB and more), GNU's binary form.
    static func number(_ value: Int64, _ width: Int) -> [UInt8] {
        if value < 1 << (3 * (width - 1)) {
            return Array(value.zeroPadded(width - 1, radix: 8).utf8) + [0]
        }
        var field = [UInt8](repeating: 0, count: width)
        for index in 0..<8 {
            field[width - 1 - index] = UInt8(truncatingIfNeeded: value >> (8 * Int64(index)))
        }
        field[0] |= 0x80
        return field
    }
}
