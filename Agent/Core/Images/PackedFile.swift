/// Files that hold others, or one compressed, by their first bytes.
enum PackedFile {
    private static let marks: [[UInt8]] = [
        [0x1F, 0x8B],  // gzip
        [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00],  // xz
        [0x28, 0xB5, 0x2F, 0xFD],  // zstd
        Array("BZh".utf8),  // bzip2
        [0x04, 0x22, 0x4D, 0x18],  // lz4
        [0x5D, 0x00, 0x00],  // lzma
        Array("PK".utf8) + [0x03, 0x04],  // zip, OVA's cousins
        Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C],
        Array("0707".utf8),  // cpio
        Array("hsqs".utf8),  // squashfs
    ]
    private static let tar = (offset: 257, mark: Array("ustar".utf8))

    static func isPacked(_ header: [UInt8]) -> Bool {
        marks.contains { header.starts(with: $0) }
            || header.dropFirst(tar.offset).starts(with: tar.mark)
    }
}
