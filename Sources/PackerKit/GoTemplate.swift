/// The engine of Packer's JSON templates: `{{user `name`}}` and the like, anywhere in a text.
enum GoTemplate {
    /// The user variables that a text refers to, in order.
    static func userVariables(_ text: String) -> [String] {
        actions(text).flatMap { tokens in
            zip(tokens, tokens.dropFirst()).compactMap { first, second in
                guard case .word("user") = first, case .text(let name) = second else { return nil }
                return name
            }
        }
    }

    /// The one user variable that the whole text consists of: `{{ user `name` }}`.
    static func wholeVariable(_ text: String) -> String? {
        guard text.utf8.starts(with: "{{".utf8), text.hasSuffix("}}") else { return nil }
        let actions = actions(text)
        guard actions.count == 1, actions[0].count == 2, case .word("user") = actions[0][0],
            case .text(let name) = actions[0][1]
        else { return nil }
        return name
    }

    static func hasActions(_ text: String) -> Bool { text.contains("{{") }

    private enum Token {
        case word(String)
        case text(String)
        case other
    }

    private static func actions(_ text: String) -> [[Token]] {
        let bytes = Array(text.utf8)
        var found: [[Token]] = []
        var position = 0
        while position + 1 < bytes.count {
            guard bytes[position] == UInt8(ascii: "{"), bytes[position + 1] == UInt8(ascii: "{")
            else {
                position += 1
                continue
            }
            position += 2
            found.append(action(bytes, &position))
        }
        return found
    }

    /// The tokens up to `}}`, which texts in quotes may contain.
    private static func action(_ bytes: [UInt8], _ position: inout Int) -> [Token] {
        var tokens: [Token] = []
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "}") where bytes.dropFirst(position + 1).first == byte:
                position += 2
                return tokens
            case UInt8(ascii: "`"), UInt8(ascii: "\""):
                tokens.append(.text(quoted(bytes, &position)))
            case UInt8(ascii: "/") where bytes.dropFirst(position + 1).first == UInt8(ascii: "*"):
                position += 2
                while position < bytes.count,
                    !bytes[position...].starts(with: "*/".utf8)
                { position += 1 }
                position += 2
            case 0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: "-"): position += 1
            case _ where isWordByte(byte):
                let start = position
                while position < bytes.count, isWordByte(bytes[position]) { position += 1 }
                tokens.append(.word(String(decoding: bytes[start..<position], as: UTF8.self)))
            default:
                tokens.append(.other)
                position += 1
            }
        }
        return tokens
    }

    private static func quoted(_ bytes: [UInt8], _ position: inout Int) -> String {
        let quote = bytes[position]
        position += 1
        var text: [UInt8] = []
        while position < bytes.count, bytes[position] != quote {
            if quote != UInt8(ascii: "`"), bytes[position] == UInt8(ascii: "\\") { position += 1 }
            if position < bytes.count { text.append(bytes[position]) }
            position += 1
        }
        position += 1
        return String(decoding: text, as: UTF8.self)
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "."), 0x80...: true
        default: false
        }
    }
}
