import CLinux

/// What a task waits for on a descriptor.
public struct Interest: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Bytes, the end of the stream, or an error can be read.
    public static let readable = Interest(rawValue: AIB_READABLE)
    /// There is room to write, or writing gives an error.
    public static let writable = Interest(rawValue: AIB_WRITABLE)
}
