import BuildProtocol
import CoordinatorCore
import Support

/// Ends a build that waits: takes its image back, if an earlier stage published one, and records
/// the end.
struct QueuedCancellation: Sendable {
    let ports: Ports
    let store: any BuildWriter

    /// - Returns: `nil` if it no longer waits, or if its image could not be taken back. The attempt
    ///   that begins then is unwanted, and tries it until it is done.
    func end(_ build: Build, _ reason: String) async throws -> Build? {
        if let maker = build.image?.attempt {
            // First, as everywhere: no crash leaves an image that no row knows.
            do { try await ports.webRoot.withdraw(maker, of: build) } catch {
                Logger("builds").error("cannot take the image of build \(build.id) back: \(error)")
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
