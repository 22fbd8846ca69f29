/// Bytes of an image at an offset; fewer or none if it ends before.
public typealias ImageReader = (_ offset: Int64, _ count: Int) -> [UInt8]

/// Numbers in headers of images. `nil` for what is not there or does not fit.
enum ByteOrder {
    static func big(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int64? {
        slice(bytes, offset, count).flatMap { number($0) }
    }

    static func little(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int64? {
        slice(bytes, offset, count).flatMap { number($0.reversed()) }
    }

    static func multiplied(_ value: Int64?, _ factor: Int64) -> Int64? {
        guard let (product, overflow) = value?.multipliedReportingOverflow(by: factor), !overflow
        else { return nil }
        return product
    }

    static func slice(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard offset >= 0, count >= 0, !overflow, end <= bytes.count else { return nil }
        return bytes[offset..<end]
    }

    private static func number(_ bytes: some Sequence<UInt8>) -> Int64? {
        Int64(exactly: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
