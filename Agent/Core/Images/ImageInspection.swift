public import BuildProtocol

/// What a file is, by its bytes, as `qemu-img info` would say.
public struct ImageInspection: Sendable, Hashable {
    public let format: ImageFormat
    /// `nil` if the format does not say, or claims an impossible size.
    public let virtualSizeBytes: Int64?
    /// The other file that the image needs to be complete, such as `the backing file base.qcow2`.
    public let otherFile: String?
    /// Whether it is compressed, or a file of files.
    public let isPacked: Bool

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
    ///   - read: bytes of the file, for formats that keep what is needed elsewhere.
    public init(
        name: String, header: [UInt8], footer: [UInt8], sizeBytes: Int64,
        read: ImageReader = { _, _ in [] }
    ) {
        format =
            Self.format(header, footer)
            ?? Self.formatOfDisk(name, header, sizeBytes: sizeBytes)
        let claimed: Int64? =
            switch format {
            case .qcow2: ByteOrder.big(header, 24, 8)
            case .vmdk where header.starts(with: Self.sparseVMDK):
                ByteOrder.multiplied(ByteOrder.little(header, 12, 8), 512)
            case .vdi: ByteOrder.little(header, 368, 8)
            case .vhd: ByteOrder.big(header.starts(with: Self.vhd) ? header : footer, 48, 8)
            case .raw, .iso: sizeBytes
            case .vhdx: VHDXMetadata(read)?.virtualSizeBytes
            case .vmdk, .file: nil
            }
        virtualSizeBytes = claimed.flatMap { ByteBound.range.contains($0) ? $0 : nil }
        isPacked = PackedFile.isPacked(header)
        otherFile = ImageDependency.of(format, header, footer, read)
    }

    static let sparseVMDK = Array("KDMV".utf8)
    static let vhd = Array("conectix".utf8)

    private static func format(_ header: [UInt8], _ footer: [UInt8]) -> ImageFormat? {
        if header.starts(with: [0x51, 0x46, 0x49, 0xFB]) { return .qcow2 }
        if header.starts(with: sparseVMDK) { return .vmdk }
        if header.starts(with: "# Disk DescriptorFile".utf8) { return .vmdk }
        if ByteOrder.little(header, 64, 4) == 0xBEDA_107F { return .vdi }
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
        // `disk.img` that `compress` made.
        if PackedFile.isPacked(header) { return .file }
        if name.hasSuffix(".iso") { return .iso }
        return name.hasSuffix(".raw") || name.hasSuffix(".img") ? .raw : .file
    }
}
