/// What the metadata region of a VHDX says ([MS-VHDX] 2.2.3, 2.6).
struct VHDXMetadata: Sendable, Hashable {
    private(set) var virtualSizeBytes: Int64?
    private(set) var hasParent = false

    private static let regionTable: Int64 = 192 << 10
    private static let tableBytes = 64 << 10
    private static let metadataRegion: [UInt8] = [
        0x06, 0xA2, 0x7C, 0x8B, 0x90, 0x47, 0x9A, 0x4B, 0xB8, 0xFE, 0x57, 0x5F, 0x05, 0x0F, 0x88,
        0x6E,
    ]
    private static let fileParameters: [UInt8] = [
        0x37, 0x67, 0xA1, 0xCA, 0x36, 0xFA, 0x43, 0x4D, 0xB3, 0xB6, 0x33, 0xF0, 0xAA, 0x44, 0xE7,
        0x6B,
    ]
    private static let virtualDiskSize: [UInt8] = [
        0x24, 0x42, 0xA5, 0x2F, 0x1B, 0xCD, 0x76, 0x48, 0xB2, 0x11, 0x5D, 0xBE, 0xD8, 0x3B, 0xF4,
        0xB8,
    ]

    /// `nil` if there is no such region.
    init?(_ read: ImageReader) {
        let regions = read(Self.regionTable, Self.tableBytes)
        guard regions.starts(with: "regi".utf8),
            let region = Self.entry(Self.metadataRegion, in: regions, from: 16),
            let start = ByteOrder.little(regions, region + 16, 8)
        else { return nil }
        let table = read(start, Self.tableBytes)
        guard table.starts(with: "metadata".utf8) else { return nil }
        func item(_ id: [UInt8], _ offset: Int, _ count: Int) -> Int64? {
            guard let entry = Self.entry(id, in: table, from: 32),
                let place = ByteOrder.little(table, entry + 16, 4)
            else { return nil }
            let (at, overflow) = start.addingReportingOverflow(place)
            return overflow ? nil : ByteOrder.little(read(at, offset + count), offset, count)
        }
        virtualSizeBytes = item(Self.virtualDiskSize, 0, 8)
        hasParent = (item(Self.fileParameters, 4, 4) ?? 0) & 2 != 0
    }

    /// The offset of the entry of 32 bytes that starts with an id.
    private static func entry(_ id: [UInt8], in table: [UInt8], from first: Int) -> Int? {
        stride(from: first, through: table.count - 32, by: 32).first { offset in
            table[offset...].starts(with: id)
        }
    }
}
