/// Replaces a container by one of another image. If the new one does not start or does not become
/// healthy, the old one is restored.
public struct Replacement: Sendable {
    /// The state before the replacement, which must survive a crash and can no longer be seen on
    /// the host.
    public struct PreviousState: Sendable, Hashable, Codable {
        /// Whether the old container ran.
        public var wasRunning: Bool
        /// The image of the old container, by digest if it has one, for a rollback.
        public var previousImage: String?
    }

    /// When the new container counts as healthy.
    public struct Health: Sendable, Hashable {
        /// Time limit for its health check to pass.
        public var limitSeconds: Int
        /// Without a health check: how long it must run without a restart.
        public var settleSeconds: Int

        public init(limitSeconds: Int = 120, settleSeconds: Int = 5) {
            self.limitSeconds = limitSeconds
            self.settleSeconds = settleSeconds
        }
    }

    /// The label that marks containers of a replacement.
    static let label = "aibuild.release"

    let engine: DockerEngine
    let definition: ContainerDefinition
    let image: ImageReference
    /// Identifies this replacement, also after a crash.
    let id: String
    let labels: [String: String]
    let health: Health
    /// Called before each step that changes something; an error it throws aborts the replacement.
    let before: @Sendable (String) async throws -> Void

    public init(
        engine: DockerEngine, definition: ContainerDefinition, image: ImageReference, id: String,
        labels: [String: String] = [:], health: Health = Health(),
        before: @escaping @Sendable (String) async throws -> Void = { _ in }
    ) {
        self.engine = engine
        self.definition = definition
        self.image = image
        self.id = id
        self.labels = labels
        self.health = health
        self.before = before
    }

    var name: String { definition.name }

    /// The name of the old container in the meantime.
    public var oldName: String { "\(name).aibuild-old-\(id)" }

    /// The state to be stored before `run` is called for the first time.
    public func previousState() async throws(DockerError) -> PreviousState {
        // After a crash before the state was stored, the old container may have either name.
        var container = try await engine.container(name)
        if container.map(isOurs) ?? true { container = try await engine.container(oldName) }
        guard let container else { return PreviousState(wasRunning: false, previousImage: nil) }
        let image = try await engine.image(container.imageID)
        let written = try? ImageReference(container.config.image)
        let pinned = image?.digests?.first { digest in
            guard let written, let other = try? ImageReference(digest) else { return false }
            return other.isOfSameRepository(as: written)
        }
        return PreviousState(
            wasRunning: container.state.isRunning, previousImage: pinned ?? container.config.image)
    }

    /// Continues from the state of the host until the new container is healthy.
    ///
    /// - Throws: `DockerError`, after the old container was restored, unless the host became
    ///   unreachable: then call this again later. Errors of `before`.
    public func run(_ previous: PreviousState) async throws {
        do {
            try await advance()
        } catch let error as DockerError {
            // On an unreachable host it is resumed later; either container runs in the meantime.
            if [.unreachable, .cancelled, .unauthorized].contains(error.code) { throw error }
            throw try await failed(error, previous)
        }
    }

    private func advance() async throws {
        var observed = ReplacementStep.Observation()
        while true {
            try await observe(&observed)
            let step: ReplacementStep
            do { step = try ReplacementStep.next(observed) } catch {
                throw DockerError(
                    .conflict,
                    "\(name) on \(engine.name) was created by someone else while \(oldName) waits "
                        + "to be restored: remove one of them")
            }
            if step == .nothing { return }
            if step != .watch { try await before(step.rawValue) }
            try await perform(step, &observed)
        }
    }

    private func observe(_ observed: inout ReplacementStep.Observation) async throws(DockerError) {
        let current = try await engine.container(name)
        let old = try await engine.container(oldName)
        observed.current = current.map {
            !isOurs($0) ? .other : $0.state.status == "created" ? .created : .started
        }
        observed.old = old.map { $0.state.isRunning ? .running : .stopped }
    }

    private func perform(
        _ step: ReplacementStep, _ observed: inout ReplacementStep.Observation
    ) async throws {
        switch step {
        case .renameOld: try await engine.rename(name, to: oldName)
        case .create:
            let labels = labels.merging([Self.label: id]) { _, own in own }
            _ = try await engine.create(
                name, definition.request(image: image.description, labels: labels))
        case .stopOld: try await engine.stop(oldName)
        case .start:
            do throws(DockerError) { try await engine.start(name) } catch {
                guard case .refused = error.code else { throw error }
                throw DockerError(.unhealthy, cause: error)
            }
        case .watch:
            try await HealthWatch(engine: engine, container: name, rule: health).run()
            observed.isWatched = true
        case .removeOld: try await engine.remove(oldName)
        case .nothing: break
        }
    }

    private func isOurs(_ container: EngineContainer) -> Bool {
        container.config.labels?[Self.label] == id
    }

    // MARK: Rollback

    /// Restores the old container, with its name and whether it ran, and removes the new one. Does
    /// nothing if the replacement is complete.
    public func undo(_ previous: PreviousState) async throws(DockerError) {
        let current = try await engine.container(name)
        let old = try await engine.container(oldName)
        if let current, isOurs(current) {
            // The old one is removed last: if it is gone, the replacement is complete.
            if old == nil && previous.previousImage != nil { return }
            try await engine.remove(current.id)
        }
        if old != nil { try await engine.rename(oldName, to: name) }
        if previous.wasRunning, try await engine.container(name) != nil {
            try await engine.start(name)
        }
    }

    /// - Returns: the error to throw, after the old container was restored.
    private func failed(_ error: DockerError, _ previous: PreviousState) async throws -> DockerError
    {
        var message = "\(error)"
        if error.code == .unhealthy {
            let last = await engine.logTail(name)
            if !last.isEmpty { message += "\nits last log lines:\n\(last)" }
        }
        try await before("putBack")
        let hadOld = previous.previousImage != nil
        do throws(DockerError) {
            try await undo(previous)
            message +=
                hadOld
                ? "\nrestored the old container \(name)\(previous.wasRunning ? ", which runs" : "")"
                : "\nthere was no container \(name) before, and there is none now"
        } catch let undone {
            message +=
                "\nand the old container could not be restored: \(undone); it is "
                + "\(oldName) on \(engine.name)"
            return DockerError(.notReplaced, message)
        }
        return DockerError(error.code == .unhealthy ? .unhealthy : .notReplaced, message)
    }
}
