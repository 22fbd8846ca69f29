public import BuildProtocol
import TextKit

/// What failures have in common that are the same: the first error without what differs each time.
public struct FailureFingerprint: Sendable, Hashable {
    /// Of the text and the kind of fault, in 16 hexadecimal digits.
    public var id: String
    /// `E: Unable to locate package foo-#`
    public var text: String
    /// `provisioner 2 (install.sh)`; `nil` if the log names none.
    public var step: String?

    /// Of a text and of a step that are kept.
    static let textBytes = 240
    private static let placeMark = " (line "
    private static let stepMark = " failed: "
    private static let steps = ["provisioner", "the step \"", "test "]

    public init(_ fault: Fault) {
        var line = Headline.of(fault.reason)
        if line.hasSuffix(" of the log)"), let place = line.range(of: Self.placeMark, last: true) {
            line = String(line[..<place])
        }
        if Self.steps.contains(where: line.hasPrefix),
            let mark = line.range(of: Self.stepMark, last: false)
        {
            step = Self.normalised(String(line[..<mark]), keepsNumbers: true)
            line = String(line[mark...].dropFirst(Self.stepMark.count))
        }
        text = Self.normalised(line, keepsNumbers: false)
        id = Self.hash("\(fault.code.rawValue) \(text)")
    }

    public init(id: String, text: String, step: String?) {
        self.id = id
        self.text = text
        self.step = step
    }

    // MARK: Parts

    private static func normalised(_ text: String, keepsNumbers: Bool) -> String {
        let words = text.visible.prefixOfUTF8(4 * textBytes).split(separator: " ")
            .map { word(String($0), keepsNumbers: keepsNumbers) }
        return words.joined(separator: " ").prefixOfUTF8(textBytes)
    }

    private static func word(_ word: String, keepsNumbers: Bool) -> String {
        var bytes = Array(word.utf8)
        // What follows is a question or a place within a page, and may be a secret.
        if let scheme = find("://", in: bytes),
            let end = bytes[scheme...].firstIndex(where: { $0 == 0x3F || $0 == 0x23 })
        {
            bytes.removeSubrange(end...)
        }
        bytes = withoutTemporaryName(bytes)
        return String(decoding: keepsNumbers ? bytes : withoutNumbers(bytes), as: UTF8.self)
    }

    /// `/tmp/*/x` for `/tmp/tmp.aBc/x`.
    private static func withoutTemporaryName(_ bytes: [UInt8]) -> [UInt8] {
        let folder = "/tmp/"
        guard let start = find(folder, in: bytes) else { return bytes }
        let name = start + folder.utf8.count
        let end = bytes[name...].firstIndex { !isNamePart($0) } ?? bytes.endIndex
        return Array(bytes[..<name]) + Array("*".utf8) + bytes[end...]
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// `#` for numbers, versions and times, and for long hexadecimal names.
    private static func withoutNumbers(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var place = bytes.startIndex
        while place < bytes.endIndex {
            let end = bytes[place...].firstIndex { !isHexPart($0) } ?? bytes.endIndex
            let run = bytes[place..<end]
            if run.count >= 8, run.contains(where: isDigit) {
                append(mark, to: &out)
                place = end
            } else if isDigit(bytes[place]) {
                append(mark, to: &out)
                place = bytes[place...].firstIndex { !isDigit($0) } ?? bytes.endIndex
            } else {
                out.append(bytes[place])
                place += 1
            }
        }
        return out
    }

    private static let mark = UInt8(ascii: "#")

    /// One mark for `1.2.3`, `12:03:04` and `2026-11-30`.
    private static func append(_ mark: UInt8, to out: inout [UInt8]) {
        let joins: [UInt8] = [0x2E, 0x3A, 0x2D, 0x2B, 0x7E]
        if let last = out.last, joins.contains(last), out.dropLast().last == mark {
            out.removeLast()
        } else if out.last != mark {
            out.append(mark)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexPart(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "-")
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    private static func find(_ phrase: String, in bytes: [UInt8]) -> Int? {
        let wanted = Array(phrase.utf8)
        guard bytes.count >= wanted.count else { return nil }
        return (0...(bytes.count - wanted.count)).first {
            bytes[$0..<($0 + wanted.count)].elementsEqual(wanted)
        }
    }

    /// FNV-1a: nobody gains by two errors that look alike.
    private static func hash(_ text: String) -> String {
        let value = text.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

extension String {
    /// Where a phrase begins.
    fileprivate func range(of phrase: String, last: Bool) -> Index? {
        let places = indices.lazy.filter { self[$0...].hasPrefix(phrase) }
        return last ? places.last : places.first
    }
}
