/// Runs tasks of one key one after another, in the order in which they were requested; tasks of
/// different keys run at once. A task is finished even if the one who requested it is cancelled.
public actor Turns {
    private var last: [String: Task<Void, Never>] = [:]

    public init() {}

    public func run<Value: Sendable>(
        _ key: String, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let previous = last[key]
        let task = Task {
            await previous?.value
            return try await body()
        }
        last[key] = Task { _ = try? await task.value }
        return try await task.value
    }
}
