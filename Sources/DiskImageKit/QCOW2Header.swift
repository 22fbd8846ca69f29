import Glibc
import Support

/// The header of a qcow2 image. It is read here, so that no program opens an image that refers to
/// other files of this machine.
public struct QCOW2Header: Sendable, Hashable {
    public var virtualSizeBytes: Int64

    private static let bytes = 80
    private static let magic: UInt64 = 0x5146_49FB  // "QFI\xfb"
    private static let externalDataBit: UInt64 = 1 << 2

    /// - Throws: `DiskImageError` for a file that is not qcow2, and for one that needs a backing
    ///   file or an external data file. `SystemError`.
    public init(file path: String) throws {
        let file = try Descriptor(path, O_RDONLY)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bytes, alignment: 8)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        func number(_ offset: Int, _ bytes: Int) -> UInt64 {
            buffer[offset..<offset + bytes].reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard count >= 72, number(0, 4) == Self.magic else {
            throw DiskImageError(.invalid, "\(path) is not a qcow2 image")
        }
        let version = number(4, 4)
        guard version == 2 || version == 3 else {
            throw DiskImageError(
                .invalid, "\(path) is qcow2 of version \(version); 2 and 3 are known")
        }
        guard number(8, 8) == 0, number(16, 4) == 0 else {
            throw DiskImageError(
                .invalid,
                "\(path) has a backing file, so it is not complete. Make one image of both with "
                    + "'qemu-img convert'")
        }
        if version == 3, number(72, 8) & Self.externalDataBit != 0 {
            throw DiskImageError(
                .invalid,
                "\(path) keeps its data in another file, so it is not complete. Make one image "
                    + "of both with 'qemu-img convert'")
        }
        guard number(32, 4) == 0 else {
            throw DiskImageError(
                .invalid, "\(path) is encrypted; it cannot be read here")
        }
        guard let size = Int64(exactly: number(24, 8)), size <= DiskImageLimits.diskBytes else {
            throw DiskImageError(
                .invalid,
                "\(path) claims a virtual size of \(number(24, 8)) bytes, which is too large")
        }
        virtualSizeBytes = size
    }
}
