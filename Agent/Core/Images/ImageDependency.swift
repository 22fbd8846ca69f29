import BuildProtocol
import TextKit

/// Other files that an image refers to. It is published alone, so it would be incomplete; and a
/// reference that a template chose would be followed by whoever opens the image.
enum ImageDependency {
    static func of(
        _ format: ImageFormat, _ header: [UInt8], _ footer: [UInt8], _ read: ImageReader
    ) -> String? {
        switch format {
        case .qcow2: qcow2(header)
        case .vmdk: vmdk(header)
        case .vdi: ByteOrder.little(header, 76, 4) == 4 ? "a parent image" : nil
        case .vhd:
            ByteOrder.big(header.starts(with: ImageInspection.vhd) ? header : footer, 60, 4) == 4
                ? "a parent image" : nil
        case .vhdx: VHDXMetadata(read)?.hasParent == true ? "a parent image" : nil
        case .raw, .iso, .file: nil
        }
    }

    private static func qcow2(_ header: [UInt8]) -> String? {
        if let offset = ByteOrder.big(header, 8, 8), offset != 0 {
            let length = ByteOrder.big(header, 16, 4) ?? 0
            let name = ByteOrder.slice(
                header, Int(clamping: offset), Int(clamping: min(length, 1023)))
            return "the backing file " + quoted(name)
        }
        let version = ByteOrder.big(header, 4, 4) ?? 0
        // An incompatible feature: the clusters are in another file.
        let hasDataFile = version >= 3 && (ByteOrder.big(header, 76, 4) ?? 0) & 4 != 0
        return hasDataFile ? "a data file" : nil
    }

    private static func vmdk(_ header: [UInt8]) -> String? {
        let text: ArraySlice<UInt8>?
        let isDescriptor = header.starts(with: "# Disk DescriptorFile".utf8)
        if isDescriptor {
            text = header[...]
        } else {
            let start = ByteOrder.multiplied(ByteOrder.little(header, 28, 8), 512) ?? 0
            let size = ByteOrder.multiplied(ByteOrder.little(header, 36, 8), 512) ?? 0
            text =
                start > 0 ? header.dropFirst(Int(clamping: start)).prefix(Int(clamping: size)) : nil
        }
        for line in String(decoding: text ?? [], as: UTF8.self).lines {
            if line.hasPrefix("parentFileNameHint") { return "the parent image" + value(line) }
            guard isDescriptor else { continue }
            // `RW 4192256 SPARSE "disk-s001.vmdk"`
            let access = ["RW ", "RDONLY ", "NOACCESS "]
            if access.contains(where: { line.hasPrefix($0) }) { return "the extent" + value(line) }
        }
        return nil
    }

    /// The part of a line in quotes.
    private static func value(_ line: Substring) -> String {
        let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.count > 2 ? " " + Names.quoted(String(parts[1])) : ""
    }

    private static func quoted(_ bytes: ArraySlice<UInt8>?) -> String {
        Names.quoted(String(decoding: bytes ?? [], as: UTF8.self))
    }
}
