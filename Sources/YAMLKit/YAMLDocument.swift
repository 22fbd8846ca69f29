import Glibc
import Support
import TextKit

public enum YAMLDocument {
    /// - Parameter file: the name of the document in errors.
    /// - Throws: `YAMLError` for anything outside the part of YAML that the module accepts.
    public static func parse(_ bytes: [UInt8], file: String) throws(YAMLError) -> YAMLNode {
        guard bytes.count <= YAMLLimits.documentBytes else {
            throw YAMLError(
                file: file, line: 1, column: 1,
                message: "the document has \(bytes.count) bytes; at most "
                    + "\(YAMLLimits.documentBytes) are allowed")
        }
        try refuseOtherEncodings(bytes, file)
        let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        let parser = YAMLParser(hasMark ? Array(bytes.dropFirst(3)) : bytes, file: file)
        return try parser.document()
    }

    /// Reads `path` and parses it.
    /// - Throws: `YAMLError`, also when the file cannot be read.
    public static func load(_ path: String) throws(YAMLError) -> YAMLNode {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(path, limitBytes: YAMLLimits.documentBytes)
        } catch {
            let message =
                error.errno == EFBIG
                ? "the file has more than \(YAMLLimits.documentBytes) bytes" : "\(error)"
            throw YAMLError(file: path, line: 1, column: 1, message: message)
        }
        return try parse(bytes, file: path)
    }

    private static func refuseOtherEncodings(_ bytes: [UInt8], _ file: String) throws(YAMLError) {
        guard let offset = UTF8Check.firstInvalid(bytes) else { return }
        let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
        let place = Place(of: offset, in: bytes)
        throw YAMLError(
            file: file, line: place.line, column: place.column,
            message: isUTF16
                ? "the file is UTF-16; save it as UTF-8"
                : "this byte is not UTF-8; save the file as UTF-8")
    }
}

/// Line and column of a byte, both from 1, the column in characters.
struct Place {
    var line = 1
    var column = 1

    init(of offset: Int, in bytes: [UInt8]) {
        for byte in bytes.prefix(offset) {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
    }
}

enum UTF8Check {
    /// Offset of the first byte that does not begin a UTF-8 character.
    static func firstInvalid(_ bytes: [UInt8]) -> Int? {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var start = 0
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): start += UTF8.width(scalar)
            case .emptyInput: return nil
            case .error: return start
            }
        }
    }
}

/// What is wrong with a document, and exactly where.
public struct YAMLError: Error, Sendable, Hashable {
    public var file: String
    /// From 1.
    public var line: Int
    /// In characters, from 1.
    public var column: Int
    /// `builder.template`, `hosts[2].name`; empty for the document as a whole.
    public var key = ""
    public var message: String

    /// The known key that an unknown one was probably meant to be.
    public var suggestion: String?

    static let missing = "is missing"

    /// Whether a key that must be there is not.
    public var isMissing: Bool { message.hasPrefix(Self.missing) }
}

extension YAMLError: CustomStringConvertible {
    /// `file:line:column: key 'builder.x': expected …, found …`
    public var description: String {
        "\(file):\(line):\(column): " + (key.isEmpty ? "" : "key \(key.quoted): ") + message
    }
}

extension String {
    /// The text in quotes and bounded, with invisible characters made visible.
    var quoted: String {
        let shown = String(unicodeScalars.prefix(YAMLLimits.quotedCharacters))
        return "'" + shown.visible + (shown.utf8.count < utf8.count ? "…'" : "'")
    }
}
