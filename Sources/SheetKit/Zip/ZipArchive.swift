import CZip

/// The files of a ZIP archive in memory. Sizes are checked before anything is unpacked, and again
/// during it, because the archive may give wrong ones.
final class ZipArchive {
    private struct Item {
        var index: UInt64
        var sizeBytes: UInt64
        var compressedBytes: UInt64
        var isEncrypted: Bool
    }

    let limits: SheetLimits
    private let archive: OpaquePointer
    /// Read by the library as long as the archive is open.
    private let content: UnsafeMutableBufferPointer<UInt8>
    private var items: [String: Item] = [:]
    private var unpackedBytes = 0

    init(_ bytes: [UInt8], _ limits: SheetLimits) throws(SheetError) {
        self.limits = limits
        content = .allocate(capacity: bytes.count)
        _ = content.initialize(from: bytes)
        var error = zip_error_t()
        zip_error_init(&error)
        defer { zip_error_fini(&error) }
        let source = zip_source_buffer_create(
            content.baseAddress, UInt64(bytes.count), 0, &error)
        guard let source, let archive = zip_open_from_source(source, ZIP_RDONLY, &error) else {
            if let source { zip_source_free(source) }
            content.deallocate()
            throw SheetError(
                "the file is damaged or cut short (\(String(cString: zip_error_strerror(&error))))"
                    + "; save it again and send it whole")
        }
        self.archive = archive
        try list()
    }

    deinit {
        zip_discard(archive)
        content.deallocate()
    }

    private func list() throws(SheetError) {
        let count = zip_get_num_entries(archive, 0)
        guard count >= 0, count <= limits.entries else {
            throw SheetError("the file is an archive of more than \(limits.entries) files")
        }
        for index in 0..<UInt64(count) {
            var info = zip_stat_t()
            zip_stat_init(&info)
            guard zip_stat_index(archive, index, 0, &info) == 0, let name = info.name else {
                throw SheetError("the file is damaged: its list of parts cannot be read")
            }
            let item = Item(
                index: index, sizeBytes: info.size, compressedBytes: info.comp_size,
                isEncrypted: info.encryption_method != UInt16(ZIP_EM_NONE))
            // Programs differ in which of the two they read, so neither is accepted.
            guard items.updateValue(item, forKey: Self.key(String(cString: name))) == nil else {
                throw SheetError("the file is damaged: two of its parts have the same name")
            }
        }
    }

    /// In lower case.
    var names: Set<String> { Set(items.keys) }

    func has(_ name: String) -> Bool { items[Self.key(name)] != nil }

    /// Names of parts have no case, and some programs write them with backslashes, from the root,
    /// or encoded as in a URL.
    private static func key(_ name: String) -> String {
        var plain: [UInt8] = []
        var bytes = Array(name.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "%"), bytes.count >= 2,
                let code = UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16)
            {
                plain.append(code)
                bytes = bytes.dropFirst(2)
            } else {
                plain.append(byte == UInt8(ascii: "\\") ? UInt8(ascii: "/") : byte)
            }
        }
        return String(decoding: plain, as: UTF8.self).lowercased()
            .split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    /// Whether the archive has the parts of an OpenDocument file.
    var isOpenDocument: Bool { items["content.xml"] != nil && items["mimetype"] != nil }

    /// - Returns: `nil` if there is no such part.
    func open(_ name: String) throws(SheetError) -> ZipEntry? {
        guard let item = items[Self.key(name)] else { return nil }
        guard !item.isEncrypted else { throw SheetError.encrypted }
        try check(item.sizeBytes, of: item.compressedBytes, name)
        guard let file = zip_fopen_index(archive, item.index, 0) else {
            let words = String(cString: zip_error_strerror(zip_get_error(archive)))
            throw SheetError("the part \(name) of the file cannot be unpacked: \(words)")
        }
        return ZipEntry(file, name, self) { (bytes: UInt64) throws(SheetError) in
            try self.check(bytes, of: item.compressedBytes, name)
        }
    }

    fileprivate func count(_ bytes: Int) throws(SheetError) {
        unpackedBytes += bytes
        guard unpackedBytes <= limits.unpackedBytes else {
            throw SheetError(
                "the parts of the file unpack to more than \(limits.unpackedBytes) bytes: it is "
                    + "refused")
        }
    }

    private func check(
        _ sizeBytes: UInt64, of compressedBytes: UInt64, _ name: String
    ) throws(SheetError) {
        guard sizeBytes <= limits.entryBytes else {
            throw SheetError(
                "the part \(name) of the file unpacks to more than \(limits.entryBytes) bytes: it "
                    + "is refused")
        }
        guard
            sizeBytes <= limits.ratioFromBytes
                || sizeBytes / UInt64(limits.ratio) <= compressedBytes
        else {
            throw SheetError(
                "the part \(name) of the file is packed more than \(limits.ratio) : 1, as no "
                    + "spreadsheet is: it is refused")
        }
    }
}

extension SheetError {
    static var encrypted: SheetError {
        SheetError("the file is protected by a password: save it without one, then try again")
    }
}

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
        try archive.count(Int(count))
        return Int(count)
    }
}
