//! YAMLKit: configuration files: a bounded, strict reader on libyaml that knows where everything
//! stands, so that a wrong key is an error with its line. It reads a safe part of YAML: one
//! document, UTF-8, no aliases, no tags, no key twice. It writes nothing and knows no key's
//! meaning.

/// Every bound of YAMLKit, in one place, each with its reason.
public enum YAMLLimits {
    /// Bytes of a document: a thousand times what a person writes.
    public static let documentBytes = 1 << 20

    /// Levels of nesting. What reads a tree recurses, so hostile depth would end the stack.
    public static let depth = 64

    /// Texts, lists and mappings in a document, so that a small file cannot take much memory.
    public static let nodes = 100_000

    /// Characters of a wrong value that an error repeats.
    static let quotedCharacters = 60
}
