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

    /// Where one of the texts is a value for the first time.
    public func place(ofAny texts: Set<String>) -> (line: Int, column: Int)? {
        switch content {
        case .scalar(let text, _): texts.contains(text) ? (line, column) : nil
        case .sequence(let items): items.lazy.compactMap { $0.place(ofAny: texts) }.first
        case .mapping(let entries):
            entries.lazy.compactMap { $0.value.place(ofAny: texts) }.first
        }
    }

    /// The node without the outermost entry or item that begins at a place, or whose value does;
    /// with `key`, that entry has this key instead.
    /// - Returns: `nil` if there is none.
    public func without(line: Int, column: Int, renaming key: String? = nil) -> YAMLNode? {
        func isThere(_ node: YAMLNode) -> Bool { node.line == line && node.column == column }
        func inner(_ node: YAMLNode) -> YAMLNode? {
            node.without(line: line, column: column, renaming: key)
        }
        var copy = self
        switch content {
        case .scalar: return nil
        case .sequence(var items):
            if let index = items.firstIndex(where: isThere) {
                items.remove(at: index)
            } else {
                guard let index = items.firstIndex(where: { inner($0) != nil }),
                    let item = inner(items[index])
                else { return nil }
                items[index] = item
            }
            copy.content = .sequence(items)
        case .mapping(var entries):
            let index = entries.firstIndex {
                key == nil && isThere($0.value) || $0.line == line && $0.column == column
            }
            if let index, let key, !entries.contains(where: { $0.key == key }) {
                entries[index].key = key
            } else if let index {
                entries.remove(at: index)
            } else {
                guard let index = entries.firstIndex(where: { inner($0.value) != nil }),
                    let value = inner(entries[index].value)
                else { return nil }
                entries[index].value = value
            }
            copy.content = .mapping(entries)
        }
        return copy
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
