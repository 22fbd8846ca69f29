import TextKit

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

/// The tail of a program's output.
public struct TailText: Sendable {
    private var bytes: [UInt8] = []

    public init() {}

    public mutating func append(_ more: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: more.suffix(AgentLimits.tailTextBytes))
        // Trimmed at twice the limit, so that the cost of moving is amortized.
        if bytes.count > 2 * AgentLimits.tailTextBytes {
            bytes.removeFirst(bytes.count - AgentLimits.tailTextBytes)
        }
    }

    /// As a terminal shows it, without colours.
    public var text: String {
        TerminalLine.plain(
            String(decoding: bytes.suffix(AgentLimits.tailTextBytes), as: UTF8.self))
    }
}
