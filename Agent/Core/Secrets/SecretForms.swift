import FoundationEssentials

/// How programs print a secret.
enum SecretForms {
    /// - Parameter value: the content of a secret. It as a whole and each of its lines are added,
    ///   without white space around them; of an object in JSON, also its texts of several lines.
    static func add(of value: [UInt8], to forms: inout Set<[UInt8]>) {
        let lines = [value[...]] + value.split(separator: 0x0A)
        for line in lines.map(trimmed) where line.count >= AgentLimits.secretBytes {
            forms.insert(line)
            for text in [json(line, marksHTML: false), json(line, marksHTML: true), ascii(line)] {
                forms.insert(text)
                // PHP escapes slashes.
                forms.insert(text.flatMap { $0 == UInt8(ascii: "/") ? Array("\\/".utf8) : [$0] })
                // JSON in a text of JSON.
                forms.insert(json(text, marksHTML: false))
            }
            forms.insert(machineReadable(line))
            addBase64(of: line, to: &forms)
            addURLs(of: line, to: &forms)
        }
        // What base64 prints of the file, which often ends in a line feed.
        for whole in [value, trimmed(value[...])] where whole.count >= AgentLimits.secretBytes {
            for line in Base64Lines.of(whole) where line.count >= AgentLimits.base64LineBytes {
                forms.insert(line)
            }
        }
        for text in longTexts(inJSON: value) { add(of: text, to: &forms) }
    }

    /// The private key in a key file of Google's, of which programs make a file of its own. Other
    /// texts, as the project's name, may be in the log.
    private static func longTexts(inJSON value: [UInt8]) -> [[UInt8]] {
        struct Field: Decodable {
            var text: String?
            init(from decoder: any Decoder) throws {
                text = try? decoder.singleValueContainer().decode(String.self)
            }
        }
        guard trimmed(value[...]).first == UInt8(ascii: "{"),
            let fields = try? JSONDecoder().decode([String: Field].self, from: Data(value))
        else { return [] }
        return fields.values.compactMap { $0.text.map { Array($0.utf8) } }
            .filter { $0.contains(0x0A) }
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> [UInt8] {
        let rest = line.drop { $0 <= 0x20 }
        let end = rest.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? rest.startIndex
        return Array(rest[..<end])
    }

    /// - Parameter marksHTML: as Go does, which writes `\u003c` for `<`.
    private static func json(_ line: [UInt8], marksHTML: Bool) -> [UInt8] {
        line.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
            case 0x0A: Array("\\n".utf8)
            case 0x0D: Array("\\r".utf8)
            case 0x09: Array("\\t".utf8)
            case UInt8(ascii: "<") where marksHTML: Array("\\u003c".utf8)
            case UInt8(ascii: ">") where marksHTML: Array("\\u003e".utf8)
            case UInt8(ascii: "&") where marksHTML: Array("\\u0026".utf8)
            default: [byte]
            }
        }
    }

    /// As Python's JSON has it: only ASCII, everything else as `\u00f6`.
    private static func ascii(_ line: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        for unit in String(decoding: json(line, marksHTML: false), as: UTF8.self).utf16 {
            if let byte = UInt8(exactly: unit), byte < 0x80 {
                text.append(byte)
            } else {
                let digits = String(unit, radix: 16)
                let zeros = String(repeating: "0", count: 4 - digits.utf8.count)
                text += Array(("\\u" + zeros + digits).utf8)
            }
        }
        return text
    }

    /// As Packer's `-machine-readable` output has it.
    private static func machineReadable(_ line: [UInt8]) -> [UInt8] {
        line.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: ","): Array("%!(PACKER_COMMA)".utf8)
            case 0x0A: Array("\\n".utf8)
            default: [byte]
            }
        }
    }

    /// In a longer text that is encoded, the secret begins at the first, second or third byte of
    /// three; the characters that it shares with its neighbours are not known, so they are not in
    /// the form.
    private static func addBase64(of line: [UInt8], to forms: inout Set<[UInt8]>) {
        for alphabet in Base64Lines.alphabets {
            for before in 0..<3 {
                let padded = [UInt8](repeating: 0, count: before) + line
                let all = Base64Lines.encode(padded, alphabet)
                let first = (before * 8 + 5) / 6
                let end = padded.count * 8 / 6
                forms.insert(Array(all[first..<end]))
                if alphabet == Base64Lines.alphabets.first {
                    addBroken(all[first..<end], to: &forms)
                }
                // At the end of the text, the last character is known as well.
                forms.insert(Array(all[first...]))
            }
        }
    }

    /// Longer ones have too many places where a line may end.
    private static let brokenBytes = 8 << 10

    /// With line feeds as programs that cut lines at 64 or 76 characters set them: after a group of
    /// four, wherever in its line the secret begins.
    private static func addBroken(_ encoded: ArraySlice<UInt8>, to forms: inout Set<[UInt8]>) {
        guard encoded.count <= brokenBytes else { return }
        let firstGroup = encoded.startIndex + (4 - encoded.startIndex % 4) % 4
        for width in [64, 76] {
            for breakAt in stride(from: firstGroup, to: encoded.endIndex, by: 4)
            where breakAt > encoded.startIndex && breakAt - encoded.startIndex <= width {
                var form = Array(encoded[..<breakAt])
                var rest = encoded[breakAt...]
                while !rest.isEmpty {
                    form.append(0x0A)
                    form += rest.prefix(width)
                    rest = rest.dropFirst(width)
                }
                forms.insert(form)
            }
        }
    }

    /// Programs differ in what they leave as it is, and in the case of the digits.
    private static func addURLs(of line: [UInt8], to forms: inout Set<[UInt8]>) {
        for kept in ["-._~", "-._~/", "-._~!'()*", "-._*"] {
            let kept = Set(kept.utf8)
            for digits in ["0123456789ABCDEF", "0123456789abcdef"] {
                let digits = Array(digits.utf8)
                let encoded = line.flatMap { byte -> [UInt8] in
                    let isPlain =
                        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
                        || byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
                        || kept.contains(byte)
                    guard !isPlain else { return [byte] }
                    return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
                forms.insert(encoded)
                // Forms have + for a space.
                if line.contains(0x20) { forms.insert(withPlus(encoded)) }
            }
        }
    }

    private static func withPlus(_ encoded: [UInt8]) -> [UInt8] {
        var plus: [UInt8] = []
        var rest = encoded[...]
        while let byte = rest.first {
            let isSpace = rest.starts(with: Array("%20".utf8))
            plus.append(isSpace ? UInt8(ascii: "+") : byte)
            rest = rest.dropFirst(isSpace ? 3 : 1)
        }
        return plus
    }
}
