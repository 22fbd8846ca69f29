import BuildProtocol
import Testing

@testable import CoordinatorAdapters

/// Checksum files as other programs write them.
struct ChecksumListTests {
    private static let hex = String(repeating: "3f", count: 32)

    private static func wide(_ text: String, isLittle: Bool) -> [UInt8] {
        (isLittle ? [0xFF, 0xFE] : [0xFE, 0xFF])
            + text.utf16.flatMap { unit in
                let bytes = [UInt8(unit & 0xFF), UInt8(unit >> 8)]
                return isLittle ? bytes : bytes.reversed()
            }
    }

    private static let files: [[UInt8]] = [
        Array("\(hex)  disk.qcow2\n".utf8), Array("\(hex) *disk.qcow2\r\n".utf8),
        Array("\(hex)\tdisk.qcow2\n".utf8), Array("SHA256 (disk.qcow2) = \(hex)\n".utf8),
        Array("SHA256(disk.qcow2)= \(hex)\n".utf8), Array("\(hex)\n".utf8),
        Array("SHA2-256(disk.qcow2)= \(hex)\n".utf8),
        [0xEF, 0xBB, 0xBF] + Array("\(hex)  disk.qcow2\n".utf8),
        wide("\(hex)  disk.qcow2\r\n", isLittle: true),
        wide("\(hex)  disk.qcow2\n", isLittle: false),
    ]

    @Test("A digest is found whatever program wrote the file", arguments: files)
    func forms(_ bytes: [UInt8]) {
        let list = ChecksumList(bytes: bytes, .sha256)
        #expect(list.digest(of: "disk.qcow2")?.hex == Self.hex)
    }

    @Test("A file that ends within a character of UTF-16 has what it has")
    func cutOff() {
        let bytes = Self.wide("\(Self.hex)  disk.qcow2\nx", isLittle: true).dropLast()
        #expect(
            ChecksumList(bytes: Array(bytes), .sha256).digest(of: "disk.qcow2")?.hex == Self.hex)
        #expect(ChecksumList(bytes: [0xFF, 0xFE], .sha256).digest(of: "disk.qcow2") == nil)
    }
}
