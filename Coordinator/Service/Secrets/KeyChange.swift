public import CoordinatorCore
import Support

/// Changes the key that seals secrets, beside everything else, one change at a time. A change goes
/// on when nobody waits for it any more; the next leader ends one that is interrupted.
public actor KeyChange {
    private let ports: Ports
    private let store: any SecretWriter
    private var running: (hasNewKey: Bool, task: Task<KeyRotation, any Error>)?

    init(ports: Ports, store: any SecretWriter) {
        self.ports = ports
        self.store = store
    }

    /// Seals everything with a new key. Who asks while that is done gets the same outcome. Its row
    /// follows it: the key is not in the store, and the values are sealed again page by page.
    /// - Throws: `StoreError`
    public func run(by actor: String) async throws -> KeyRotation {
        while let (hasNewKey, task) = running {
            if hasNewKey { return try await task.value }
            _ = await task.result
        }
        let task = begin(hasNewKey: true) { [ports, store] in
            let rotation = try await store.rotateKey(isNew: true)
            try await ports.audit(
                actor, "secret.rotate-key", "secrets", "\(rotation.resealed) sealed again")
            return rotation
        }
        return try await task.value
    }

    /// Ends a change that was interrupted.
    func resume() {
        let log = Logger("store")
        begin(hasNewKey: false) { [store] in
            do {
                let rotation = try await store.rotateKey(isNew: false)
                for name in rotation.unreadable {
                    log.warning("no key of this coordinator opens the secret of \(name)")
                }
                if let problem = rotation.problem { log.warning(problem) }
                return rotation
            } catch {
                log.warning("the change of the key that seals secrets was not ended: \(error)")
                throw error
            }
        }
    }

    func stop() async {
        running?.task.cancel()
        _ = await running?.task.result
    }

    @discardableResult
    private func begin(
        hasNewKey: Bool, _ change: @escaping @Sendable () async throws -> KeyRotation
    ) -> Task<KeyRotation, any Error> {
        let task = Task {
            defer { running = nil }
            return try await change()
        }
        running = (hasNewKey, task)
        return task
    }
}
