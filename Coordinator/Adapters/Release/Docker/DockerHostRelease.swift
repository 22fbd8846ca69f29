import CoordinatorCore
import DockerKit
import FoundationEssentials
import TextKit

/// A release on one Docker host.
struct DockerHostRelease: Sendable {
    let host: DockerSettings.Host
    let order: ReleaseOrder
    /// Key of the host's entry in the journal.
    let key: String
    let credentials: RegistryCredentials?
    let health: Replacement.Health
    let watch: DockerTarget.Watch
    let journal: ReleaseJournal
    let steps: any ReleaseSteps

    /// - Returns: a line for people.
    func run(_ image: ImageReference) async throws -> String {
        var entry = HostEntry(await journal[key])
        switch entry?.state {
        case .done: return "\(host.name): \(entry?.words ?? "done")"
        case .failed:
            // Another attempt would only interrupt the service once more.
            throw DockerError(.unhealthy, entry?.words ?? "failed before")
        case .begun, .takenBack, nil: break
        }
        let connection = try await DockerHostConnection(host)
        // The digest identifies the same image; for a rollback it may exist nowhere else any more.
        if try await connection.engine.image(image.description) == nil {
            _ = try await connection.pull(image, credentials, steps)
        }
        let replacement = connection.replacement(image, order, health, watch)
        let memory =
            if let known = entry?.memory { known } else { try await replacement.previousState() }
        entry = HostEntry(.begun, memory)
        try await note(entry)
        await steps.progress("replacing on \(host.name)", doneBytes: 0, totalBytes: 0)
        do { try await replacement.run(memory) } catch let error as DockerError {
            // The old container is back, so nothing is half-made here.
            if error.code == .unhealthy {
                try await note(HostEntry(.failed, memory, "\(error)"))
            }
            throw error
        }
        let cleaned = await clean(connection, image)
        let words = "\(connection.definition.name) runs \(image)\(cleaned)"
        try await note(HostEntry(.done, memory, words))
        return "\(host.name): \(words)"
    }

    private func note(_ entry: HostEntry?) async throws {
        guard let entry else { return }
        try await journal.note([key: entry.text])
    }

    /// A failed cleanup does not fail the release.
    private func clean(_ connection: DockerHostConnection, _ image: ImageReference) async -> String
    {
        do throws(DockerError) {
            let removed = try await connection.engine.removeUnusedImages(of: image, keep: [])
            return removed.isEmpty ? "" : ", removed \(removed.joined(separator: ", "))"
        } catch { return ", old images were not removed: \(error)" }
    }
}

/// A host's entry in the journal.
struct HostEntry: Sendable, Codable {
    enum State: String, Sendable, Codable {
        case begun, done
        /// The old container is restored, and another attempt would fail the same way.
        case failed
        case takenBack
    }

    var state: State
    var memory: Replacement.PreviousState?
    var words: String?

    /// `nil` if there is no entry.
    init?(_ text: String?) {
        guard let text, let entry = try? JSONDecoder().decode(Self.self, from: Data(text.utf8))
        else { return nil }
        self = entry
    }

    var text: String {
        // Texts and a flag always encode.
        (try? CanonicalJSON.text(self)) ?? ""
    }

    init(_ state: State, _ memory: Replacement.PreviousState?, _ words: String? = nil) {
        self.state = state
        self.memory = memory
        self.words = words
    }
}

/// The limits of releases to Docker hosts and registries, each with its reason.
enum DockerReleaseLimits {
    /// Hosts of one environment that are updated concurrently: they pull from one registry.
    static let hostsAtOnce = 8
    /// Longest time until a container's health check succeeds; slow services take a minute.
    static let healthSeconds = 180
    /// How long a container without a health check must run to count as healthy.
    static let settleSeconds = 10
    /// The part of a host's message that is kept in a note or fault.
    static let messageCharacters = 2000
}
