/// Splits a stream into lines of bounded length, for programs whose lines are parsed and not only
/// logged.
public struct LineFeeder: Sendable {
    private var pending: [UInt8] = []
    private let limitBytes: Int

    public init(limitBytes: Int = AgentLimits.packerLineBytes) { self.limitBytes = limitBytes }

    /// Calls `body` with each line that `bytes` completes, without its newline. A line over the
    /// limit is passed on as if it ended there.
    public mutating func push(
        _ bytes: UnsafeRawBufferPointer, _ body: (ArraySlice<UInt8>) -> Void
    ) {
        var rest = bytes[...]
        while let newline = rest.firstIndex(of: 0x0A) {
            pending.append(contentsOf: rest[..<newline])
            body(pending[...])
            pending.removeAll(keepingCapacity: true)
            rest = rest[(newline + 1)...]
        }
        pending.append(contentsOf: rest)
        if pending.count >= limitBytes {
            body(pending[...])
            pending.removeAll(keepingCapacity: true)
        }
    }

    public mutating func finish(_ body: (ArraySlice<UInt8>) -> Void) {
        if !pending.isEmpty { body(pending[...]) }
        pending = []
    }
}
