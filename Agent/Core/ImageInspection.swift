public import BuildProtocol

/// What a file is, by its bytes, as `qemu-img info` would say.
public struct ImageInspection: Sendable, Hashable {
    public let format: ImageFormat
    /// `nil` if the format does not say, or claims an impossible size.
    public let virtualSizeBytes: Int64?

    /// Bytes of a file that an inspection needs, or the whole file if it is shorter. An ISO image
    /// is marked in its 17th sector of 2,048 bytes.
    public static let headerBytes = 17 * 2048
    /// A fixed VHD is only marked in its last bytes.
    public static let footerBytes = 512

    /// - Parameters:
    ///   - name: decides only if the bytes do not: a file system without a partition table has no
    ///     mark at its start.
    ///   - header: the first `headerBytes`.
    ///   - footer: the last `footerBytes`.
    public init(name: String, header: [UInt8], footer: [UInt8], sizeBytes: Int64) {
        format =
            Self.format(header, footer)
            ?? Self.formatOfDisk(name, header, sizeBytes: sizeBytes)
        let claimed: Int64? =
            switch format {
            case .qcow2: Self.bigEndian(header, 24, 8)
            case .vmdk where header.starts(with: Self.sparseVMDK):
                Self.multiplied(Self.littleEndian(header, 12, 8), 512)
            case .vdi: Self.littleEndian(header, 368, 8)
            case .vhd: Self.bigEndian(header.starts(with: Self.vhd) ? header : footer, 48, 8)
            case .raw, .iso: sizeBytes
            case .vmdk, .vhdx, .file: nil
            }
        virtualSizeBytes = claimed.flatMap { ByteBound.range.contains($0) ? $0 : nil }
    }

    private static let sparseVMDK = Array("KDMV".utf8)
    private static let vhd = Array("conectix".utf8)

    private static func format(_ header: [UInt8], _ footer: [UInt8]) -> ImageFormat? {
        if header.starts(with: [0x51, 0x46, 0x49, 0xFB]) { return .qcow2 }
        if header.starts(with: sparseVMDK) { return .vmdk }
        if header.starts(with: "# Disk DescriptorFile".utf8) { return .vmdk }
        if littleEndian(header, 64, 4) == 0xBEDA_107F { return .vdi }
        if header.starts(with: "vhdxfile".utf8) { return .vhdx }
        if [header, footer].contains(where: { $0.starts(with: vhd) }) { return .vhd }
        if header.dropFirst(16 * 2048 + 1).starts(with: "CD001".utf8) { return .iso }
        return nil
    }

    /// A disk with a boot signature and whole sectors, or what is named as a disk.
    private static func formatOfDisk(
        _ name: String, _ header: [UInt8], sizeBytes: Int64
    ) -> ImageFormat {
        let isBootable = header.count >= 512 && header[510] == 0x55 && header[511] == 0xAA
        if isBootable, sizeBytes % 512 == 0 { return .raw }
        if name.hasSuffix(".iso") { return .iso }
        return name.hasSuffix(".raw") || name.hasSuffix(".img") ? .raw : .file
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
