import BuildProtocol
public import CoordinatorCore
import Support

/// Cancels queued and running builds.
public struct BuildCancellation: Sendable {
    let ports: Ports
    let store: any BuildWriter
    let tracker: BuildTracker

    /// - Returns: the current build. A running one ends once its host has stopped it.
    /// - Throws: `Refusal` if it has ended, `StoreError`
    public func cancel(_ build: Build, by actor: String) async throws -> Build {
        let entry = ports.auditEntry(actor, "build.cancel", "\(build.guestOS):\(build.number)")
        guard let requested = try await store.recording(entry).requestCancel(build: build.id) else {
            throw Refusal(
                .conflict, "build \(build.guestOS):\(build.number) has ended already")
        }
        return try await tracker.cancel(build, "cancelled by \(actor)") ?? requested
    }
}

/// Ends a queued build: withdraws its image, if an earlier stage published one, and records the
/// end.
struct QueuedCancellation: Sendable {
    let ports: Ports
    let store: any BuildWriter
    private let log = Logger("builds")

    init(ports: Ports, store: any BuildWriter) {
        self.ports = ports
        self.store = store
    }

    /// - Returns: `nil` if it is no longer queued, or if its image could not be withdrawn. The
    ///   attempt that begins then is unwanted, and retries until it succeeds.
    func end(_ build: Build, _ reason: String) async throws -> Build? {
        if let maker = build.image?.attempt {
            // First, as everywhere: no crash may leave an image without a row.
            do { try await ports.webRoot.withdraw(maker, of: build) } catch let error
                as WebRootFault
                where error.isPermanent
            {
                log.about(LogIDs(build: build.id))
                    .error("the image of the build has to be removed by hand: \(error)")
            } catch {
                log.about(LogIDs(build: build.id))
                    .error("cannot withdraw the image of the build: \(error)")
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
