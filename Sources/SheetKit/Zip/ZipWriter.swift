import CZip

/// Packs files into an archive in memory.
enum ZipWriter {
    /// 1980-01-01, the first day of the format, so that equal content gives equal bytes.
    private static let time = 315_532_800

    static func pack(_ files: [(name: String, text: String)]) throws(SheetError) -> [UInt8] {
        let failed = SheetError("the spreadsheet cannot be packed: no memory")
        var error = zip_error_t()
        zip_error_init(&error)
        defer { zip_error_fini(&error) }
        guard let target = zip_source_buffer_create(nil, 0, 0, &error) else { throw failed }
        defer { zip_source_free(target) }
        // The archive retains the target, and releases it when it is closed.
        zip_source_keep(target)
        guard let archive = zip_open_from_source(target, ZIP_TRUNCATE, &error) else {
            zip_source_free(target)
            throw failed
        }
        let buffers = files.map { file in
            let bytes = Array(file.text.utf8)
            let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
            _ = buffer.initialize(from: bytes)
            return buffer
        }
        defer { for buffer in buffers { buffer.deallocate() } }
        for (file, buffer) in zip(files, buffers) {
            let source = zip_source_buffer(archive, buffer.baseAddress, UInt64(buffer.count), 0)
            let index = zip_file_add(archive, file.name, source, UInt32(ZIP_FL_ENC_UTF_8))
            guard index >= 0, zip_file_set_mtime(archive, UInt64(index), time, 0) == 0 else {
                if index < 0 { zip_source_free(source) }
                zip_discard(archive)
                throw failed
            }
        }
        guard zip_close(archive) == 0 else {
            zip_discard(archive)
            throw failed
        }
        guard let bytes = bytes(of: target) else { throw failed }
        return bytes
    }

    private static func bytes(of source: OpaquePointer) -> [UInt8]? {
        var info = zip_stat_t()
        guard zip_source_stat(source, &info) == 0, zip_source_open(source) == 0 else { return nil }
        defer { zip_source_close(source) }
        var bytes = [UInt8](repeating: 0, count: Int(info.size))
        let count = bytes.withUnsafeMutableBytes {
            zip_source_read(source, $0.baseAddress, UInt64($0.count))
        }
        return count == bytes.count ? bytes : nil
    }
}
