import Support

/// Writes tar archives, including ones that no tar program would write.
struct TarFile {
    enum Kind: UInt8 {
        case file = 0x30
        case hardLink = 0x31
        case link = 0x32
        case fifo = 0x36
    }

    private(set) var bytes: [UInt8] = []

    mutating func add(
        _ name: String, _ content: String = "", mode: Int = 0o644, kind: Kind = .file,
        target: String = ""
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, 0)
        put(octal(mode, 7), 100)
        put(octal(0, 7), 108)
        put(octal(0, 7), 116)
        put(octal(content.utf8.count, 11), 124)
        put(octal(0, 11), 136)
        put("        ", 148)
        header[156] = kind.rawValue
        put(target, 157)
        put("ustar", 257)
        put("00", 263)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0 ", 148)
        bytes += header + Array(content.utf8)
        let rest = bytes.count % 512
        if rest > 0 { bytes += [UInt8](repeating: 0, count: 512 - rest) }
    }

    /// The archive with its end marker.
    var archive: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
