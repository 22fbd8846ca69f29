import TextKit

/// A text from the other side, cut at the bytes that its type names. Control characters other than
/// line ends, tabs and escapes are made visible, so that no log or event stream obeys them.
///
///     @BoundedText<ReasonBound> public var reason: String
@propertyWrapper
public struct BoundedText<Bound: TextBound>: BoundedValue {
    private var text: String

    public init(wrappedValue: String) { text = Bound.bounded(wrappedValue) }

    public var wrappedValue: String {
        get { text }
        set { text = Bound.bounded(newValue) }
    }
}

/// A list of texts, of which the first `Bound.count` are kept; see `BoundedText`.
@propertyWrapper
public struct BoundedTexts<Bound: TextBound>: BoundedValue {
    private var texts: [String]

    public init(wrappedValue: [String]) {
        texts = wrappedValue.prefix(Bound.count).map(Bound.bounded)
    }

    public var wrappedValue: [String] {
        get { texts }
        set { self = BoundedTexts(wrappedValue: newValue) }
    }
}

/// How long one kind of text may be.
public protocol TextBound: Sendable {
    static var bytes: Int { get }
    /// Of a list of such texts.
    static var count: Int { get }
}

extension TextBound {
    public static var count: Int { ProtocolLimits.texts }

    static func bounded(_ text: String) -> String {
        let cut = text.prefixOfUTF8(bytes)
        guard cut.utf8.contains(where: isUnsafe) else { return cut }
        let shown = cut.unicodeScalars.reduce(into: "") { shown, scalar in
            let isShown = scalar.isASCII && isUnsafe(UInt8(scalar.value))
            shown.unicodeScalars.append(
                contentsOf: (isShown ? String(scalar).visible : String(scalar)).unicodeScalars)
        }
        return shown.prefixOfUTF8(bytes)
    }

    /// Not ESC: the sequences that it begins are removed as a whole where a terminal is written.
    private static func isUnsafe(_ byte: UInt8) -> Bool {
        byte < 0x20 && ![0x09, 0x0A, 0x1B].contains(byte) || byte == 0x7F
    }
}

/// Sentences: reasons, errors, notices.
public enum ReasonBound: TextBound { public static let bytes = ProtocolLimits.reasonBytes }

/// Names, versions and other words.
public enum WordBound: TextBound { public static let bytes = ProtocolLimits.nameBytes }
