import BuildProtocol
import CoordinatorCore
import Support

/// Ends a queued build: withdraws its image, if an earlier stage published one, and records the
/// end.
struct QueuedCancellation: Sendable {
    let ports: Ports
    let store: any BuildWriter

    /// - Returns: `nil` if it is no longer queued, or if its image could not be withdrawn. The
    ///   attempt that begins then is unwanted, and retries until it succeeds.
    func end(_ build: Build, _ reason: String) async throws -> Build? {
        if let maker = build.image?.attempt {
            // First, as everywhere: no crash may leave an image without a row.
            do { try await ports.webRoot.withdraw(maker, of: build) } catch {
                Logger("builds").error("cannot withdraw the image of build \(build.id): \(error)")
                return nil
            }
        }
        return try await store.apply(
            BuildChange(
                build: build.id, from: [.queued], owner: nil, to: .cancelled,
                atMilliseconds: ports.clock.unixMilliseconds(),
                fault: Fault(.cancelled, .cancelled, reason), withdrawsImage: build.image != nil))
    }
}
