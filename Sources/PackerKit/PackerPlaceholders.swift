/// `$NAME`, `$IMAGE` and `$METADATA` in a JSON template, which are replaced in its text before
/// Packer reads it: wherever they stand, also as the beginning of a longer word.
///
/// The values come from outside. Those of `$NAME` and `$IMAGE` are texts that mean the same in a
/// JSON text, in a shell and to Packer. That of `$METADATA` is a JSON object, whose members are
/// written anew: it stands where members do, as in `{ $METADATA }`, and anywhere else the template
/// is not JSON any more.
public enum PackerPlaceholders {
    public enum Name: String, Sendable, CaseIterable {
        case metadata = "METADATA"
        case name = "NAME"
        case image = "IMAGE"
    }

    /// Enough for the name of an image, and for the address of one.
    private static let nameBytes = 255
    /// As OpenStack limits the metadata of a server, several times.
    private static let metadataBytes = 16 << 10
    private static let metadataMembers = 128

    /// For a look at a template before there are values.
    public static let standIns: [Name: [UInt8]] = [
        .name: Array("NAME".utf8), .image: Array("IMAGE".utf8),
        .metadata: Array(#""METADATA": """#.utf8),
    ]

    /// Those that the text has.
    public static func found(in text: [UInt8]) -> Set<Name> {
        var found: Set<Name> = []
        for place in text.indices {
            if let name = name(at: place, in: text) { found.insert(name) }
        }
        return found
    }

    /// What takes the place of each.
    /// - Throws: `UnreadableTemplate` that says what is missing, or cannot be used.
    public static func texts(
        for names: Set<Name>, value: (Name) -> String?
    ) throws(UnreadableTemplate) -> [Name: [UInt8]] {
        var texts: [Name: [UInt8]] = [:]
        for name in Name.allCases where names.contains(name) {
            guard let value = value(name) else {
                throw UnreadableTemplate(
                    description: "the template has $\(name.rawValue), which nothing sets: set the "
                        + "variable \(name.rawValue)")
            }
            texts[name] =
                switch name {
                case .name, .image: try plain(value, name)
                case .metadata: try members(value)
                }
        }
        return texts
    }

    /// The text with the values in place. They are not looked at again.
    public static func fill(_ text: [UInt8], _ values: [Name: [UInt8]]) -> [UInt8] {
        var filled: [UInt8] = []
        filled.reserveCapacity(text.count)
        var place = 0
        while place < text.count {
            if let name = name(at: place, in: text), let value = values[name] {
                filled += value
                place += 1 + name.rawValue.utf8.count
            } else {
                filled.append(text[place])
                place += 1
            }
        }
        return filled
    }

    private static func name(at place: Int, in text: [UInt8]) -> Name? {
        guard text[place] == UInt8(ascii: "$") else { return nil }
        return Name.allCases.first { text[(place + 1)...].starts(with: $0.rawValue.utf8) }
    }

    private static func plain(
        _ value: String, _ name: Name
    ) throws(UnreadableTemplate) -> [UInt8] {
        let bytes = Array(value.utf8)
        guard (1...nameBytes).contains(bytes.count), isLetterOrDigit(bytes[0]),
            bytes.allSatisfy({ isLetterOrDigit($0) || " ._-+:@/=".utf8.contains($0) })
        else {
            throw UnreadableTemplate(
                description: "the variable \(name.rawValue) cannot take the place of "
                    + "$\(name.rawValue), which may stand in a command of a shell: expected up to "
                    + "\(nameBytes) letters, digits, spaces and any of . _ - + : @ / = after a "
                    + "letter or digit")
        }
        return bytes
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: false
        }
    }

    private static func members(_ value: String) throws(UnreadableTemplate) -> [UInt8] {
        func unusable(_ why: String) -> UnreadableTemplate {
            UnreadableTemplate(
                description: "the variable METADATA cannot take the place of $METADATA: \(why)")
        }
        guard value.utf8.count <= metadataBytes else {
            throw unusable("it has more than \(metadataBytes) bytes")
        }
        let members =
            (try? JSONParser.parse(
                SourceText(file: "METADATA", bytes: Array(value.utf8))))?.members ?? []
        guard (1...metadataMembers).contains(members.count) else {
            throw unusable(
                "expected a JSON object of 1 to \(metadataMembers) texts, such as "
                    + #"{"AQ_OS": "sl"}"#)
        }
        var written: [String] = []
        for (key, value) in members {
            guard let text = value.text, isInert(key), isInert(text) else {
                throw unusable(
                    "a value is no text, or a key or value has a control character, $ or {{")
            }
            written.append("\"\(escaped(key))\": \"\(escaped(text))\"")
        }
        return Array(written.joined(separator: ", ").utf8)
    }

    /// Whether Packer takes it as it is, and nothing replaces a part of it.
    private static func isInert(_ text: String) -> Bool {
        !GoTemplate.hasActions(text) && !text.utf8.contains { $0 < 0x20 || $0 == 0x24 }
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }
}
