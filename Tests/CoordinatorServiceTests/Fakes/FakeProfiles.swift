import CoordinatorCore
import Synchronization

/// A list of profiles in memory. What was seen of it outlives a coordinator.
final class FakeProfiles: ProfileSource {
    private struct State {
        var profiles: [String: String] = [:]
        var unreadable: Set<String> = []
        var memory: ProfileMemory?
        var selection = "all"
        var map = #"{"DEFAULT": ["/etc/packer-utils/templates/debian.json"]}"#
        var asked = 0
        var forgets = false
        var isSlow: ManualClock?
    }

    private let state = Mutex(State())
    let url = "http://fake/profiles-info.xml"
    let everySeconds = 60
    let buildsAtFirst: Bool

    init(buildsAtFirst: Bool = false) { self.buildsAtFirst = buildsAtFirst }

    var selection: String { state.withLock(\.selection) }
    /// Looks that got a list.
    var looks: Int { state.withLock(\.asked) }
    var seen: ProfileMemory? { state.withLock(\.memory) }

    /// Of a machine of this operating system; `nil` removes it.
    func set(_ name: String, _ text: String?) { state.withLock { $0.profiles[name] = text } }
    func setUnreadable(_ name: String, _ isIt: Bool = true) {
        state.withLock {
            if isIt { $0.unreadable.insert(name) } else { $0.unreadable.remove(name) }
        }
    }
    func select(_ selection: String) { state.withLock { $0.selection = selection } }
    func setMap(_ map: String) { state.withLock { $0.map = map } }
    /// What is remembered from now on is lost, as if the coordinator ended before.
    func forget(_ forgets: Bool) { state.withLock { $0.forgets = forgets } }
    /// Each profile takes five minutes.
    func slow(_ clock: ManualClock?) { state.withLock { $0.isSlow = clock } }

    func entries() async throws -> [String: String] {
        state.withLock { state in
            state.asked += 1
            return state.profiles.mapValues { _ in "" }
        }
    }

    func document(_ name: String) async throws -> ProfileDocument {
        let (text, isUnreadable, clock) = state.withLock { state in
            (state.profiles[name], state.unreadable.contains(name), state.isSlow)
        }
        await clock?.advance(milliseconds: 300_000)
        guard let text, !isUnreadable else { throw ProfileFault(.unavailable, "no answer") }
        let profile: Result<ImageProfile, ProfileFault> =
            text.hasPrefix("{")
            ? .failure(ProfileFault("it is no JSON object"))
            : .success(
                ImageProfile(
                    personality: "web", os: String(text.prefix { $0 != " " }), version: "7x",
                    architecture: "x86_64", hostname: name))
        return ProfileDocument(mark: text, sizeBytes: 1, profile: profile)
    }

    func map() throws -> ProfileMap {
        try ProfileMap(
            templateMap: Array(state.withLock(\.map).utf8),
            sourceImages: Array(#"{"sl7x-x86_64": "0b10e583"}"#.utf8))
    }

    func memory() throws -> ProfileMemory? { state.withLock(\.memory) }

    func remember(_ memory: ProfileMemory) throws {
        state.withLock { if !$0.forgets { $0.memory = memory } }
    }
}
