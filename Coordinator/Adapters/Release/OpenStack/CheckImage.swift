import HTTPClientKit
import Support

/// A disk image of a few kilobytes, with which a check does what a release does.
struct CheckImage: Sendable {
    /// Glance's name of the format.
    let format: String
    let bytes: [UInt8]

    var body: UploadBody {
        let bytes = bytes
        return UploadBody(sizeBytes: Int64(bytes.count)) { BytesReader(bytes[...]) }
    }

    static let raw = CheckImage(format: "raw", bytes: [UInt8](repeating: 0, count: 64 << 10))

    /// An empty disk of 1 MiB. Clusters have 512 bytes, the smallest size; there are four: header,
    /// table of the reference counts, these counts, and a table of the disk's parts.
    static let qcow2 = CheckImage(format: "qcow2", bytes: emptyQCOW2)

    private static let clusterBytes = 512

    private static var emptyQCOW2: [UInt8] {
        var file = [UInt8](repeating: 0, count: 4 * clusterBytes)
        func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
            for index in 0..<(Number.bitWidth / 8) {
                let shift = Number.bitWidth - 8 * (index + 1)
                file[offset + index] = UInt8(truncatingIfNeeded: number >> shift)
            }
        }
        file.replaceSubrange(0..<3, with: "QFI".utf8)
        file[3] = 0xFB
        put(UInt32(2), at: 4)  // version
        put(UInt32(9), at: 20)  // log2 of the clusters' size
        put(UInt64(1 << 20), at: 24)  // size of the disk
        put(UInt32(32), at: 36)  // entries of the table of the disk's parts
        put(UInt64(3 * clusterBytes), at: 40)  // its place
        put(UInt64(clusterBytes), at: 48)  // place of the table of the reference counts
        put(UInt32(1), at: 56)  // its clusters
        put(UInt64(2 * clusterBytes), at: clusterBytes)
        for cluster in 0..<4 { put(UInt16(1), at: 2 * clusterBytes + 2 * cluster) }
        return file
    }
}
