import CoordinatorCore

/// A store that a coordinator can reach as long as it lives.
struct MortalStore: InterceptingStore {
    let base: any Store
    let life: Life

    /// Reads change nothing, so a life need not end at each of them; the first one of the recovery
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
