import CoordinatorCore

/// One call of the database, for who measures them.
public struct StoreCall: Sendable {
    public enum Operation: String, Sendable { case read, write, transaction }

    public var operation: Operation
    public var seconds: Double
    /// Whether the database did not answer. What it refuses is an answer.
    public var isFailed: Bool

    /// Measures one from now on.
    struct Watch {
        private let operation: Operation
        private let observe: @Sendable (StoreCall) -> Void
        private let began = ContinuousClock.now

        init(_ operation: Operation, _ observe: @escaping @Sendable (StoreCall) -> Void) {
            self.operation = operation
            self.observe = observe
        }

        func ended(_ error: (any Error)? = nil) {
            observe(
                StoreCall(
                    operation: operation, seconds: (ContinuousClock.now - began) / .seconds(1),
                    isFailed: (error as? StoreError)?.code == .unavailable))
        }
    }
}
