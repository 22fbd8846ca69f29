import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support
import TextKit

/// One follower of one release: its state and progress until it ends.
actor ReleaseEvents: LiveEvents {
    nonisolated let api: APIContext
    nonisolated let key: String
    nonisolated let changes: ChangeHub
    var hasEnded = false
    /// The id of the last state that the follower has seen.
    private var seen: String?
    private let follower: CountedFollower

    init(release: Release, after seen: String?, of releases: Releases, api: APIContext) {
        key = release.id
        changes = releases.changes
        self.seen = seen
        self.api = api
        follower = CountedFollower(.release, api)
    }

    func news() async throws -> [UInt8]? {
        guard let release = try await api.ports.store.release(id: key) else { return nil }
        let text = try CanonicalJSON.text(await ReleaseRoutes.view(release, api))
        if release.state.isEnded {
            hasEnded = true
            return EventText.event("end", text)
        }
        let id = String(SHA256.hex(text.utf8).prefix(16))
        guard id != seen else { return [] }
        seen = id
        return EventText.event("state", text, id: id)
    }
}
