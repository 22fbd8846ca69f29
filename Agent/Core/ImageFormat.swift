/// What a file is, by its first bytes, as `qemu-img info` would say.
public struct ImageFormat: Sendable, Hashable {
    public var name: String
    public var virtualSizeBytes: Int64?

    /// Bytes of a file that `detect` needs, or the whole file where it is shorter.
    public static let headerBytes = 4096

    /// - Parameters:
    ///   - header: the first `headerBytes`.
    ///   - footer: the last 512 bytes: old VHD images are only marked there.
    public static func detect(
        header: [UInt8], footer: [UInt8], sizeBytes: Int64
    ) -> ImageFormat {
        if starts(header, "QFI\u{FB}", raw: [0x51, 0x46, 0x49, 0xFB]) {
            return ImageFormat(name: "qcow2", virtualSizeBytes: bigEndian(header, 24, 8))
        }
        if starts(header, "KDMV") {
            let sectors = littleEndian(header, 12, 8)
            return ImageFormat(name: "vmdk", virtualSizeBytes: multiplied(sectors, 512))
        }
        if starts(header, "# Disk DescriptorFile") {
            return ImageFormat(name: "vmdk", virtualSizeBytes: nil)
        }
        if littleEndian(header, 64, 4) == 0xBEDA_107F {
            return ImageFormat(name: "vdi", virtualSizeBytes: littleEndian(header, 368, 8))
        }
        if starts(header, "vhdxfile") { return ImageFormat(name: "vhdx", virtualSizeBytes: nil) }
        for block in [header, footer] where starts(block, "conectix") {
            return ImageFormat(name: "vpc", virtualSizeBytes: bigEndian(block, 48, 8))
        }
        // A disk or a CD: a boot signature, GPT, or the mark of ISO 9660 is too far in; a raw image
        // has whole sectors.
        if header.count >= 512, header[510] == 0x55, header[511] == 0xAA, sizeBytes % 512 == 0 {
            return ImageFormat(name: "raw", virtualSizeBytes: sizeBytes)
        }
        return ImageFormat(name: "file", virtualSizeBytes: nil)
    }

    /// As `detect`, but a file that is named as a raw image is taken for one: a file system
    /// without a partition table has no mark at its start.
    public static func detect(
        name: String, header: [UInt8], footer: [UInt8], sizeBytes: Int64
    ) -> ImageFormat {
        let found = detect(header: header, footer: footer, sizeBytes: sizeBytes)
        let isNamedRaw = [".raw", ".img", ".iso"].contains { name.hasSuffix($0) }
        guard found.name == "file", isNamedRaw else { return found }
        return ImageFormat(name: "raw", virtualSizeBytes: sizeBytes)
    }

    private static func starts(_ bytes: [UInt8], _ text: String, raw: [UInt8]? = nil) -> Bool {
        bytes.starts(with: raw ?? Array(text.utf8))
    }

    private static func bigEndian(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int64? {
        guard bytes.count >= offset + count else { return nil }
        let value = bytes[offset..<offset + count].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int64(exactly: value)
    }

    private static func littleEndian(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int64? {
        guard bytes.count >= offset + count else { return nil }
        let value = bytes[offset..<offset + count].reversed()
            .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int64(exactly: value)
    }

    private static func multiplied(_ value: Int64?, _ factor: Int64) -> Int64? {
        guard let (product, overflow) = value?.multipliedReportingOverflow(by: factor), !overflow
        else { return nil }
        return product
    }
}
