extension StringProtocol where UTF8View.SubSequence == Substring.UTF8View {
    /// The parts between the slashes, empty ones included. Split at bytes, as the kernel does: a
    /// combining mark behind a slash makes one `Character` of both, which does not equal `"/"`, so
    /// that `..` before it would be missed.
    public var pathSegments: [Substring] {
        utf8.split(separator: 0x2F, omittingEmptySubsequences: false).map { Substring($0) }
    }

    /// Whether the kernel takes it for a path from the root.
    public var isAbsolutePath: Bool { utf8.first == 0x2F }

    public var containsSlash: Bool { utf8.contains(0x2F) }
}
