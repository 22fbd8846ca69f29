/// A part of a document, with the place where it begins.
public struct YAMLNode: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        /// `isPlain`: neither quoted nor a block, so that it may stand for a number, true or null.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the document, without duplicate keys.
        case mapping([YAMLEntry])
    }

    public var content: Content
    public var line: Int
    public var column: Int

    public init(_ content: Content, line: Int, column: Int) {
        self.content = content
        self.line = line
        self.column = column
    }

    /// `key:` without a value, `~` or `null`.
    public var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Describes the value, for "found …".
    var found: String {
        switch content {
        case _ where isNull: "nothing"
        case .scalar(let text, isPlain: true): text.quoted
        case .scalar(let text, isPlain: false): "the text \(text.quoted)"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

public struct YAMLEntry: Sendable, Hashable {
    public var key: String
    public var line: Int
    public var column: Int
    public var value: YAMLNode
}
