import CoordinatorCore
import Support

/// Which build of each guest OS is in each environment, as the releases recorded it. Read once
/// after this coordinator began to lead, then kept as releases end.
public actor ReleaseBoard {
    /// What an environment has of a guest OS.
    public struct Place: Sendable, Hashable {
        public var build: String
        public var number: Int
        public var releasedMilliseconds: Int64
        public var by: String
        /// Whether a person went back to it.
        public var isRollback: Bool
    }

    private let ports: Ports
    private var places: [String: [String: Place]] = [:]
    private var loading: Task<Void, Never>?
    public private(set) var isLoaded = false

    /// Releases of a place that are looked at: the newest succeeded, but for one that ended out of
    /// order.
    private static let looks = 20

    init(_ ports: Ports) { self.ports = ports }

    func start() { loading = Task { await load() } }

    func stop() async {
        loading?.cancel()
        await loading?.value
    }

    /// By the names of environments, also of some that are gone.
    public func places(of guestOS: String) -> [String: Place] { places[guestOS] ?? [:] }

    /// A release has succeeded.
    func note(_ release: Release) async {
        do { try await look(release.guestOS, release.environment) } catch {
            Logger("releases").warning(
                "cannot read what \(release.environment) has of \(release.guestOS): \(error)")
        }
    }

    /// In the background: a page that is asked meanwhile says so.
    private func load() async {
        do {
            let environments = try await ports.store.environments().map(\.name)
            var names: [String] = []
            try await ports.eachGuestOS { names.append($0.name) }
            for name in names {
                for environment in environments {
                    if Task.isCancelled { return }
                    try await look(name, environment)
                }
            }
            isLoaded = true
        } catch {
            Logger("releases").warning("cannot read what was released: \(error)")
        }
    }

    private func look(_ guestOS: String, _ environment: String) async throws {
        let ended = try await ports.store.releases(
            ReleaseFilter(guestOS: guestOS, environment: environment, states: [.released]),
            limit: Self.looks)
        places[guestOS, default: [:]][environment] = ReleaseSequence.present(ended).map {
            Place(
                build: $0.build, number: $0.buildNumber,
                releasedMilliseconds: $0.endedMilliseconds ?? $0.createdMilliseconds,
                by: $0.requestedBy, isRollback: $0.action == .rollback)
        }
    }
}
