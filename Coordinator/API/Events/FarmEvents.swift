import CoordinatorService
import HTTPTypes

/// Follows every build's state: what the queue page and dashboards listen to. Says only that
/// something changed; the listener queries what it shows.
actor FarmEvents: HTTPStreamSource {
    private let api: APIContext
    private var seen: UInt64?
    private var hasEnded = false
    private let follower: CountedFollower

    init(api: APIContext) {
        self.api = api
        follower = CountedFollower(.farm, api)
    }

    func cancelled() async {}

    func next() async -> [UInt8]? {
        if hasEnded { return nil }
        let changes = api.coordinator.changes
        if await changes.isClosed {
            hasEnded = true
            return EventText.farewell
        }
        let last = seen
        seen = await changes.now()
        // The first event makes the listener refresh at once.
        guard let last else { return EventText.event("changed", "{}") }
        let isChanged = await api.change(of: ChangeHub.everything, in: changes, after: last)
        return isChanged ? EventText.event("changed", "{}") : EventText.alive
    }
}
