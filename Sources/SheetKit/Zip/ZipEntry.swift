import CZip

/// One file of an archive, being unpacked.
final class ZipEntry {
    let name: String
    private let file: OpaquePointer
    /// Open as long as this one is.
    private let archive: ZipArchive
    private let check: (UInt64) throws(SheetError) -> Void
    private var readBytes: UInt64 = 0

    init(
        _ file: OpaquePointer, _ name: String, _ archive: ZipArchive,
        check: @escaping (UInt64) throws(SheetError) -> Void
    ) {
        self.file = file
        self.name = name
        self.archive = archive
        self.check = check
    }

    deinit { zip_fclose(file) }

    /// - Returns: 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SheetError) -> Int {
        let count = zip_fread(file, buffer.baseAddress, UInt64(buffer.count))
        guard count >= 0 else {
            throw SheetError(
                "the part \(name) of the file is damaged or cut short; save the file again and "
                    + "send it whole")
        }
        readBytes += UInt64(count)
        try check(readBytes)
        return Int(count)
    }
}
