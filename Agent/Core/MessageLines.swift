public import BuildProtocol

/// Splits what a peer sends into lines. A line that is too long is reported once and skipped, so
/// that the session can continue.
public struct MessageLines: Sendable {
    public enum Item: Sendable, Hashable {
        case line([UInt8])
        case tooLong
    }

    private var pending: [UInt8] = []
    private var isSkipping = false
    private let limitBytes: Int

    public init(limitBytes: Int = ProtocolLimits.lineBytes) { self.limitBytes = limitBytes }

    public mutating func push(_ bytes: [UInt8]) -> [Item] {
        var items: [Item] = []
        var rest = bytes[...]
        while let newline = rest.firstIndex(of: 0x0A) {
            take(rest[..<newline], &items)
            if !isSkipping { items.append(.line(pending)) }
            pending = []
            isSkipping = false
            rest = rest[(newline + 1)...]
        }
        take(rest, &items)
        return items
    }

    private mutating func take(_ piece: ArraySlice<UInt8>, _ items: inout [Item]) {
        if isSkipping { return }
        if pending.count + piece.count > limitBytes {
            items.append(.tooLong)
            pending = []
            isSkipping = true
        } else {
            pending.append(contentsOf: piece)
        }
    }
}
