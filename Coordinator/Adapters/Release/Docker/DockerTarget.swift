public import CoordinatorCore
import DockerKit

/// Releases to Docker hosts: on each, the container of its definition is replaced by one that runs
/// the image of the build. Hosts are independent: a failure on one does not stop the others.
public struct DockerTarget: ReleaseTarget {
    /// Journal key of the image that all hosts pull, by digest.
    private static let imageKey = "image"

    /// Called before each step that changes something on a host, with the step's name.
    typealias Watch = @Sendable (DockerSettings.Host, String) async throws -> Void

    /// Used if the settings do not set it.
    private let health: Replacement.Health
    private let watch: Watch

    public init() {
        self.init(
            health: Replacement.Health(
                limitSeconds: DockerReleaseLimits.healthSeconds,
                settleSeconds: DockerReleaseLimits.settleSeconds))
    }

    init(health: Replacement.Health, watch: @escaping Watch = { _, _ in }) {
        self.health = health
        self.watch = watch
    }

    // MARK: Check

    public func check(
        _ environment: ReleaseEnvironment, _ secret: Secret?
    ) async throws -> [EnvironmentFinding] {
        let settings = try settings(environment)
        do throws(DockerError) {
            _ = try ImageReference(settings.repository.filled(guestOS: "guestos"))
        } catch { throw ReleaseFault(because: error) }
        let looks = await eachHost(of: settings) { host -> HostResult in
            do throws(DockerError) {
                return .success(try await DockerHostConnection(host).describe())
            } catch {
                return .failure(ReleaseFault(host.name, because: error))
            }
        }
        let faults = looks.compactMap { look -> ReleaseFault? in
            if case .failure(let fault) = look { fault } else { nil }
        }
        // A host that is merely unreachable does not fail the release, and is updated when it is
        // back.
        if faults.contains(where: \.isPermanent) || faults.count == looks.count {
            throw ReleaseFault(
                faults.contains(where: \.isPermanent) ? .rejected : .failed,
                faults.map(\.description).joined(separator: "\n"))
        }
        return looks.map { look in
            switch look {
            case .success(let words): EnvironmentFinding(.ok, words)
            case .failure(let fault): EnvironmentFinding(.warning, fault.description)
            }
        }
    }

    // MARK: Release

    public func release(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        try await faults {
            let settings = try settings(order.environment)
            let journal = ReleaseJournal(order, steps)
            let image = try await image(order, settings, journal, steps)
            return try await deploy(order, settings, journal, steps, "host") { _ in image }
        }
    }

    public func rollBack(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        try await faults {
            let settings = try settings(order.environment)
            let journal = ReleaseJournal(order, steps)
            return try await deploy(order, settings, journal, steps, "back") { host in
                guard let entry = HostEntry(order.journal["host.\(host.name)"]),
                    let previous = entry.memory?.previousImage
                else {
                    throw DockerError(
                        .invalid, "there was no container before: there is nothing to go back to")
                }
                return try ImageReference(previous)
            }
        }
    }

    public func abandon(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws {
        let settings = try settings(order.environment)
        let journal = ReleaseJournal(order, steps)
        let results = await eachHost(of: settings) { host -> HostResult in
            do {
                for prefix in ["back", "host"] {
                    let key = "\(prefix).\(host.name)"
                    guard let entry = HostEntry(await journal[key]), entry.state == .begun,
                        let memory = entry.memory
                    else { continue }
                    let connection = try await DockerHostConnection(host)
                    // Restoring the old container does not involve the image.
                    let replacement = connection.replacement(
                        ImageReference(repository: settings.repository), order,
                        settings.health(else: health), watch)
                    try await replacement.undo(memory)
                    try await journal.note([key: HostEntry(.takenBack, memory).text])
                }
                return .success("\(host.name): as before")
            } catch { return .failure(ReleaseFault(host.name, because: error)) }
        }
        try throwIfAny(results)
    }

    public func leftBehind(by release: Release) -> [String] {
        release.journal.sorted { $0.key < $1.key }.compactMap { key, text in
            guard let host = key.firstIndex(of: ".").map({ key[key.index(after: $0)...] }),
                let entry = HostEntry(text), entry.state == .begun, entry.memory != nil
            else { return nil }
            return "the container on host \(host), half replaced"
        }
    }

    // MARK: Parts

    /// The image to run, by digest: pushed first if a registry is named, otherwise as pushed by
    /// other means.
    private func image(
        _ order: ReleaseOrder, _ settings: DockerSettings, _ journal: ReleaseJournal,
        _ steps: any ReleaseSteps
    ) async throws -> ImageReference {
        if let known = await journal[Self.imageKey] { return try ImageReference(known) }
        let image: ImageReference
        if let given = order.plan.properties["docker_image"] {
            image = try await resolve(ImageReference(given), order, settings, steps)
        } else {
            let repository = settings.repository.filled(guestOS: order.build.guestOS)
            var reference = try ImageReference(repository)
            if let name = settings.registry {
                image = reference.pinned(to: try await push(name, order, journal, steps))
            } else {
                reference.tag = order.build.imageName
                image = try await resolve(reference, order, settings, steps)
            }
        }
        try await journal.note([Self.imageKey: image.description])
        return image
    }

    private func push(
        _ name: String, _ order: ReleaseOrder, _ journal: ReleaseJournal, _ steps: any ReleaseSteps
    ) async throws -> String {
        let (environment, secret) = try await steps.environment(named: name)
        guard case .registry(let settings) = environment.settings else {
            throw ReleaseFault(
                .rejected,
                "\(order.environment.name) names '\(name)' as its registry, which is of "
                    + "kind \(environment.kind.rawValue)")
        }
        let push = try RegistryPush(settings, secret, guestOS: order.build.guestOS)
        return try await push.run(order, journal, steps).digest
    }

    /// The digest of a tag, so that all hosts run the same image. The first reachable host pulls
    /// it.
    private func resolve(
        _ reference: ImageReference, _ order: ReleaseOrder, _ settings: DockerSettings,
        _ steps: any ReleaseSteps
    ) async throws -> ImageReference {
        if let digest = reference.digest { return reference.pinned(to: digest) }
        var faults: [ReleaseFault] = []
        for host in settings.hosts {
            do {
                let connection = try await DockerHostConnection(host)
                let image = try await connection.pull(
                    reference, settings.credentials(order.secret), steps)
                let names = (image.digests ?? []).compactMap { try? ImageReference($0) }
                guard let name = names.first(where: { $0.isOfSameRepository(as: reference) }) else {
                    throw DockerError(.failed, "\(reference) has no digest there")
                }
                return name
            } catch {
                if error is CancellationError { throw error }
                faults.append(ReleaseFault(host.name, because: error))
                // The registry's answer is the same for everybody.
                if (error as? DockerError)?.code == .notFound { break }
            }
        }
        throw ReleaseFault(
            faults.allSatisfy(\.isPermanent) ? .rejected : .failed,
            Self.lines(faults).joined(separator: "\n"))
    }

    private func deploy(
        _ order: ReleaseOrder, _ settings: DockerSettings, _ journal: ReleaseJournal,
        _ steps: any ReleaseSteps, _ prefix: String,
        _ image: @escaping @Sendable (DockerSettings.Host) throws -> ImageReference
    ) async throws -> ReleaseResult {
        let results = await eachHost(of: settings) { host -> HostResult in
            let release = DockerHostRelease(
                host: host, order: order, key: "\(prefix).\(host.name)",
                credentials: settings.credentials(order.secret),
                health: settings.health(else: health), watch: watch, journal: journal,
                steps: steps)
            do { return .success(try await release.run(image(host))) } catch {
                return .failure(ReleaseFault(host.name, because: error))
            }
        }
        try Task.checkCancellation()
        try throwIfAny(results)
        let notes = results.compactMap { try? $0.get() }
        let images = try settings.hosts.map { try image($0).description }
        return ReleaseResult(remoteID: images.first ?? "", notes: notes)
    }

    private typealias HostResult = Result<String, ReleaseFault>

    /// One line for each host: what was done, or what failed.
    private func throwIfAny(_ results: [HostResult]) throws {
        var lines: [String] = []
        var faults: [ReleaseFault] = []
        for result in results {
            switch result {
            case .success(let line): lines.append(line)
            case .failure(let fault): faults.append(fault)
            }
        }
        guard !faults.isEmpty else { return }
        throw ReleaseFault(
            faults.allSatisfy(\.isPermanent) ? .rejected : .failed,
            "\(faults.count) of \(results.count) hosts failed\n"
                + (Self.lines(faults) + lines).joined(separator: "\n"))
    }

    private static func lines(_ faults: [ReleaseFault]) -> [String] {
        faults.map { String($0.description.prefix(DockerReleaseLimits.messageCharacters)) }
    }

    /// Runs `work` on all hosts, several at once; the results are in the order of the settings.
    private func eachHost<T: Sendable>(
        of settings: DockerSettings, _ work: @escaping @Sendable (DockerSettings.Host) async -> T
    ) async -> [T] {
        await withTaskGroup(of: (Int, T).self) { group in
            var results: [(Int, T)] = []
            for (index, host) in settings.hosts.enumerated() {
                if index >= DockerReleaseLimits.hostsAtOnce, let done = await group.next() {
                    results.append(done)
                }
                group.addTask { (index, await work(host)) }
            }
            for await done in group { results.append(done) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func settings(_ environment: ReleaseEnvironment) throws -> DockerSettings {
        guard case .docker(let settings) = environment.settings else {
            throw ReleaseFault(.rejected, "\(environment.name) has no Docker hosts")
        }
        return settings
    }
}

extension DockerSettings {
    func health(else usual: Replacement.Health) -> Replacement.Health {
        Replacement.Health(
            limitSeconds: healthSeconds ?? usual.limitSeconds,
            settleSeconds: settleSeconds ?? usual.settleSeconds)
    }

    func credentials(_ secret: Secret?) -> RegistryCredentials? {
        username.map { RegistryCredentials(user: $0, password: secret?.reveal ?? "") }
    }
}
