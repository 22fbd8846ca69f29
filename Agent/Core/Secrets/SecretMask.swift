/// Replaces secrets in a stream of bytes before anything else sees them. What may be the beginning
/// of a secret is held back until more of the stream has arrived.
///
/// Bytes that belong to any secret are replaced, also where two of them overlap, and it does not
/// matter where the stream is cut.
public struct SecretMask: Sendable {
    private let patterns: BytePatterns
    private var held: [UInt8] = []
    /// How many of the bytes held back were replaced already, as the end of another secret.
    private var heldCovered = 0

    /// Places in the stream that were replaced.
    public private(set) var replacements = 0

    private static let replacement = Array("***".utf8)

    /// - Parameter values: contents of secrets. Of one with several lines, each line is a secret;
    ///   shorter ones than `AgentLimits.secretBytes` are not, because they occur everywhere.
    public init(_ values: some Sequence<[UInt8]>) {
        var all: Set<[UInt8]> = []
        for value in values {
            SecretForms.add(of: value, to: &all)
        }
        patterns = BytePatterns(all)
    }

    public var isEmpty: Bool { patterns.isEmpty }

    /// Passes on what can be shown now.
    public mutating func push<Result>(
        _ bytes: UnsafeRawBufferPointer, show: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        if held.isEmpty, let shown = showUnchanged(bytes, show) { return shown }
        var whole = held
        whole.append(contentsOf: bytes)
        return whole.withUnsafeBytes { mask($0, isEnd: false) }.withUnsafeBytes(show)
    }

    /// Nearly all output is passed on where it is.
    /// - Returns: `nil` if there is a secret in it.
    private mutating func showUnchanged<Result>(
        _ bytes: UnsafeRawBufferPointer, _ show: (UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        var start = 0
        while let place = patterns.nextCandidate(in: bytes, from: start, isEnd: false) {
            let found = patterns.match(in: bytes, at: place)
            if found.mayGrow {
                held = Array(bytes[place...])
                return show(UnsafeRawBufferPointer(rebasing: bytes[..<place]))
            }
            if found.length != nil { return nil }
            start = place + 1
        }
        return show(bytes)
    }

    /// - Returns: what was held back.
    public mutating func finish() -> [UInt8] {
        let rest = held
        return rest.withUnsafeBytes { mask($0, isEnd: true) }
    }

    /// A whole text.
    public func masked(_ bytes: [UInt8]) -> [UInt8] {
        var copy = self
        (copy.held, copy.heldCovered) = ([], 0)
        return bytes.withUnsafeBytes { copy.mask($0, isEnd: true) }
    }

    private mutating func mask(_ bytes: UnsafeRawBufferPointer, isEnd: Bool) -> [UInt8] {
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count)
        /// The end of what was shown or replaced.
        var done = heldCovered
        (held, heldCovered) = ([], 0)
        var start = 0
        while let candidate = patterns.nextCandidate(in: bytes, from: start, isEnd: isEnd) {
            let found = patterns.match(in: bytes, at: candidate)
            if found.mayGrow, !isEnd {
                if done < candidate { shown += bytes[done..<candidate] }
                held = Array(bytes[candidate...])
                heldCovered = max(0, done - candidate)
                return shown
            }
            if let length = found.length {
                if done <= candidate {
                    shown += bytes[done..<candidate]
                    shown += Self.replacement
                    replacements += 1
                }
                done = max(done, candidate + length)
            }
            start = candidate + 1
        }
        if done < bytes.count { shown += bytes[done...] }
        return shown
    }
}
