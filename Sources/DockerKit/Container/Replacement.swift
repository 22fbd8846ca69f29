import Support

/// Replaces a container by one of another image. A start that fails, or a container that does not
/// get well, puts the old one back.
public struct Replacement: Sendable {
    /// What must be known after a crash, and cannot be observed on the host any more.
    public struct PreviousState: Sendable, Hashable, Codable {
        /// Whether the old container ran before anything was touched.
        public var wasRunning: Bool
        /// The image of the old container, by digest where it has one: what a roll-back deploys.
        public var previousImage: String?

        public init(wasRunning: Bool, previousImage: String?) {
            self.wasRunning = wasRunning
            self.previousImage = previousImage
        }
    }

    /// When the new container is well.
    public struct Health: Sendable, Hashable {
        /// Longest time until its health check is content.
        public var limitSeconds: Int
        /// Without a health check: how long it must run without a stop.
        public var settleSeconds: Int

        public init(limitSeconds: Int = 120, settleSeconds: Int = 5) {
            self.limitSeconds = limitSeconds
            self.settleSeconds = settleSeconds
        }
    }

    /// The label by which a container is known as one of a replacement.
    static let label = "aibuild.release"

    let engine: DockerEngine
    let definition: ContainerDefinition
    let image: ImageReference
    /// Names this replacement: the same again after a crash, another for each other one.
    let id: String
    let labels: [String: String]
    let health: Health
    /// Called before each step that changes something; what it throws ends the replacement there.
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

    /// Where the old container stands meanwhile.
    public var oldName: String { "\(name).aibuild-old-\(id)" }

    /// What is to be remembered before `run` is called for the first time.
    public func previousState() async throws(DockerError) -> PreviousState {
        // After a crash before the memory was kept, the old one may stand under either name.
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

    /// Goes on from whatever stands on the host until the new container is well.
    ///
    /// - Throws: `DockerError`; the old container is back then, unless the host is not reached any
    ///   more: then the same call goes on later. What `before` throws.
    public func run(_ previous: PreviousState) async throws {
        do {
            try await advance()
        } catch let error as DockerError {
            // A host that is away is gone on with when it is back; it runs old or new meanwhile.
            if [.unreachable, .cancelled, .unauthorized].contains(error.kind) { throw error }
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
                    "\(name) on \(engine.name) was made by somebody else while "
                        + "\(oldName) waits to be put back: remove one of them", isPermanent: true)
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
                guard case .refused = error.kind else { throw error }
                throw DockerError(.unhealthy, error.message)
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

    // MARK: Back

    /// Puts the old container back, named and running as it was, and removes the new one. Does
    /// nothing where the replacement is whole.
    public func undo(_ previous: PreviousState) async throws(DockerError) {
        let current = try await engine.container(name)
        let old = try await engine.container(oldName)
        if let current, isOurs(current) {
            // The old one is removed last: where it is gone, nothing is left half done.
            if old == nil && previous.previousImage != nil { return }
            try await engine.remove(current.id)
        }
        if old != nil { try await engine.rename(oldName, to: name) }
        if previous.wasRunning, try await engine.container(name) != nil {
            try await engine.start(name)
        }
    }

    /// - Returns: what is to be thrown, once the old container is back.
    private func failed(_ error: DockerError, _ previous: PreviousState) async throws -> DockerError
    {
        var message = error.message
        if error.kind == .unhealthy {
            let last = await engine.logTail(name)
            if !last.isEmpty { message += "\nits last log lines:\n\(last)" }
        }
        try await before("putBack")
        let hadOld = previous.previousImage != nil
        do throws(DockerError) {
            try await undo(previous)
            message +=
                hadOld
                ? "\nthe old container \(name) is back\(previous.wasRunning ? " and runs" : "")"
                : "\nthere was no container \(name) before, and there is none now"
        } catch let undone {
            message +=
                "\nand the old container could not be put back: \(undone.message); it is "
                + "\(oldName) on \(engine.name)"
            return DockerError(.failed, message, isPermanent: true)
        }
        // Each try takes the service away for a moment: a person looks first.
        return DockerError(error.kind, message, isPermanent: true)
    }
}
