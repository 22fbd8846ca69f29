import Glibc
import Support

/// Reads a tar archive that `tar` or `git archive` has made, entry by entry. Unlike the output of
/// `tar --list`, names are as they are, whatever characters they contain, and links and their
/// targets are told from names.
struct TarReader: ~Copyable {
    struct Entry {
        enum Kind { case file, folder, link, hardLink, other }

        /// As it is in the archive.
        var name: String
        var kind: Kind
        /// Of a link.
        var target: String
        var sizeBytes: Int64
        fileprivate var content: Int64
    }

    /// Longest extended header: a name and a target have at most 4 KiB each.
    private static let headerBytes = 64 << 10
    private static let block: Int64 = 512

    private let file: Descriptor
    private let path: String
    private var offset: Int64 = 0

    init(_ path: String) throws(SystemError) {
        file = try Descriptor(path, O_RDONLY)
        self.path = path
    }

    /// `nil` at the end.
    mutating func next() throws(SystemError) -> Entry? {
        var longName: String?
        var longTarget: String?
        while true {
            let header = try read(Int(Self.block), at: offset)
            guard header.count == Int(Self.block), header[0] != 0 else { return nil }
            guard let size = Self.octal(header[124..<136]), size >= 0 else { throw damaged }
            let content = offset + Self.block
            offset = content + (size + Self.block - 1) / Self.block * Self.block
            switch header[156] {
            case UInt8(ascii: "x"):
                let fields = Self.fields(try extended(size, at: content))
                longName = fields["path"] ?? longName
                longTarget = fields["linkpath"] ?? longTarget
            case UInt8(ascii: "g"): break
            case UInt8(ascii: "L"): longName = Self.text(try extended(size, at: content)[...])
            case UInt8(ascii: "K"): longTarget = Self.text(try extended(size, at: content)[...])
            case let kind:
                return Entry(
                    name: longName ?? Self.name(header), kind: Self.kind(kind),
                    target: longTarget ?? Self.text(header[157..<257]), sizeBytes: size,
                    content: content)
            }
        }
    }

    /// The beginning of a file's content, at most `limitBytes`.
    func content(of entry: Entry, limitBytes: Int) throws(SystemError) -> [UInt8] {
        try read(Int(min(entry.sizeBytes, Int64(limitBytes))), at: entry.content)
    }

    private static func kind(_ byte: UInt8) -> Entry.Kind {
        switch byte {
        case UInt8(ascii: "0"), 0: .file
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .link
        case UInt8(ascii: "5"): .folder
        default: .other
        }
    }

    private static func name(_ header: [UInt8]) -> String {
        let name = text(header[0..<100])
        guard header[257..<263].elementsEqual("ustar\0".utf8), header[345] != 0 else { return name }
        return text(header[345..<500]) + "/" + name
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func octal(_ bytes: ArraySlice<UInt8>) -> Int64? {
        let digits = bytes.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        return Int64(String(decoding: digits, as: UTF8.self), radix: 8)
    }

    /// The records of an extended header: `<length> <key>=<value>\n`.
    private static func fields(_ bytes: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var rest = bytes[...]
        while let space = rest.firstIndex(of: 0x20),
            let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
            length > space - rest.startIndex + 1, length <= rest.count
        {
            let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
            if let equals = record.firstIndex(of: 0x3D) {
                let key = String(decoding: record[..<equals], as: UTF8.self)
                fields[key] = text(record[(equals + 1)...])
            }
            rest = rest.dropFirst(length)
        }
        return fields
    }

    private func extended(_ size: Int64, at place: Int64) throws(SystemError) -> [UInt8] {
        guard size <= Self.headerBytes else { throw damaged }
        return try read(Int(size), at: place)
    }

    private func read(_ count: Int, at place: Int64) throws(SystemError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        return Array(buffer[..<(try file.read(into: buffer, at: place))])
    }

    private var damaged: SystemError { SystemError(errno: EBADMSG, "cannot read \(path)") }
}
