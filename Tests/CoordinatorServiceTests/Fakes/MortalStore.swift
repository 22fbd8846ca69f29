import CoordinatorCore

/// A store that a coordinator reaches as long as it lives.
struct MortalStore: InterceptingStore {
    let base: any Store
    let life: Life

    /// Reads change nothing, so that a life need not end at each of them; recovery's first one
    /// stands for all.
    func around<T: Sendable>(
        _ call: StoreCall, _ body: () async throws -> T
    ) async throws -> T {
        switch call {
        case .read, .find, .recentDurations: try await body()
        default: try await life.effect(body)
        }
    }
}
