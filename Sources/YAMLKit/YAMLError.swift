import TextKit

/// What is wrong with a document, and exactly where.
public struct YAMLError: Error, Sendable, Hashable {
    public var file: String
    /// From 1.
    public var line: Int
    /// In characters, from 1.
    public var column: Int
    /// `builder.template`, `hosts[2].name`; empty for the document as a whole.
    public var key: String
    public var message: String

    public init(file: String, line: Int, column: Int, key: String = "", message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self.message = message
    }
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
