import Synchronization

/// Values that tasks of a test record, in order.
public final class Notes<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    public init() {}

    public var all: [Element] { elements.withLock(\.self) }
    public func add(_ element: Element) { elements.withLock { $0.append(element) } }
}
