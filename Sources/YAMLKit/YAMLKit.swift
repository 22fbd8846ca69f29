//! YAMLKit: a bounded, strict reader of configuration files on libyaml. It keeps the place of every
//! value, so that a wrong key is an error with its line. It accepts a safe part of YAML: one
//! document in UTF-8, no aliases, no tags, no duplicate keys. It writes nothing.

/// The limits of the kit, each with its reason.
public enum YAMLLimits {
    /// Bytes of a document: a thousand times what a person writes.
    public static let documentBytes = 1 << 20

    /// Levels of nesting. Readers of the tree recurse, so a hostile depth would overflow the stack.
    public static let depth = 64

    /// Texts, lists and mappings in a document, so that a small file cannot take much memory.
    public static let nodes = 100_000

    /// Characters of a wrong value that an error repeats.
    static let quotedCharacters = 60
}
