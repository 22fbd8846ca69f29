/// A CD image (ISO 9660) with a few files in its root folder, as a NoCloud seed needs it, made
/// without a program that a host might lack. Names keep lower-case letters and hyphens, which the
/// standard forbids and every system reads, as with `genisoimage -relaxed-filenames`.
public enum ISOImage {
    private static let sectorBytes = 2048
    private static let descriptorSector = 16
    private static let tableSector = 18
    private static let rootSector = 20

    /// - Parameter files: their directory entries must fit into one sector.
    public static func make(
        volume: String, files: [(name: String, bytes: [UInt8])]
    ) -> [UInt8] {
        var next = rootSector + 1
        var entries: [UInt8] = directoryRecord([0], rootSector, sectorBytes, isFolder: true)
        entries += directoryRecord([1], rootSector, sectorBytes, isFolder: true)
        var contents: [UInt8] = []
        for file in files.sorted(by: { $0.name < $1.name }) {
            entries += directoryRecord(
                Array((file.name + ";1").utf8), next, file.bytes.count, isFolder: false)
            let padded = pad(file.bytes)
            contents += padded
            next += padded.count / sectorBytes
        }
        var image = [UInt8](repeating: 0, count: descriptorSector * sectorBytes)
        image += primaryDescriptor(volume, sectors: next)
        image += pad([255] + Array("CD001".utf8) + [1])
        image += pad(pathTable(isBigEndian: false)) + pad(pathTable(isBigEndian: true))
        return image + pad(entries) + contents
    }

    private static func primaryDescriptor(_ volume: String, sectors: Int) -> [UInt8] {
        var bytes: [UInt8] = [1] + Array("CD001".utf8) + [1, 0]
        bytes += text("LINUX", 32) + text(volume, 32) + zeros(8) + both32(sectors) + zeros(32)
        // One volume of one, sectors of 2048 bytes, a path table of ten.
        bytes += both16(1) + both16(1) + both16(sectorBytes) + both32(10)
        bytes += little32(tableSector) + zeros(4) + big32(tableSector + 1) + zeros(4)
        bytes += directoryRecord([0], rootSector, sectorBytes, isFolder: true)
        bytes += text("", 128) + text("", 128) + text("", 128) + text("AIBUILD", 128)
        bytes += text("", 37) + text("", 37) + text("", 37)
        for _ in 0..<4 { bytes += Array(repeating: UInt8(ascii: "0"), count: 16) + [0] }
        return pad(bytes + [1])
    }

    /// The root folder is its own parent.
    private static func pathTable(isBigEndian: Bool) -> [UInt8] {
        [1, 0] + (isBigEndian ? big32(rootSector) + [0, 1] : little32(rootSector) + [1, 0])
            + [0, 0]
    }

    private static func directoryRecord(
        _ name: [UInt8], _ sector: Int, _ bytes: Int, isFolder: Bool
    ) -> [UInt8] {
        let length = 33 + name.count + (name.count % 2 == 0 ? 1 : 0)
        var record: [UInt8] = [UInt8(length), 0] + both32(sector) + both32(bytes)
        // 2025-01-01, UTC: the same files make the same image.
        record += [125, 1, 1, 0, 0, 0, 0, isFolder ? 2 : 0, 0, 0] + both16(1)
        record += [UInt8(name.count)] + name
        return record + zeros(length - record.count)
    }

    private static func pad(_ bytes: [UInt8]) -> [UInt8] {
        bytes + zeros((sectorBytes - bytes.count % sectorBytes) % sectorBytes)
    }

    private static func zeros(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }

    private static func text(_ text: String, _ width: Int) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(width))
        return bytes + Array(repeating: UInt8(ascii: " "), count: width - bytes.count)
    }

    private static func little32(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private static func big32(_ value: Int) -> [UInt8] { little32(value).reversed() }
    private static func both32(_ value: Int) -> [UInt8] { little32(value) + big32(value) }

    private static func both16(_ value: Int) -> [UInt8] {
        let low = UInt8(truncatingIfNeeded: value)
        let high = UInt8(truncatingIfNeeded: value >> 8)
        return [low, high, high, low]
    }
}
