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

    public var text: String {
        String(decoding: bytes.suffix(AgentLimits.tailTextBytes), as: UTF8.self)
    }
}
