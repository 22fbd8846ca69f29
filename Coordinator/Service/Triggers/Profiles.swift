import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// Looks at a list of profiles, and requests the builds of those that are new or have changed.
///
/// Each becomes a delivery, like a message of a queue: it is stored before the change is
/// remembered, so that a coordinator that ends in between finds the change again, and its key finds
/// what was done.
public actor Profiles {
    /// The name of the list among the hooks.
    public static let hook = "profiles"

    /// For people.
    public struct Status: Sendable, Hashable {
        /// Of the last look that got to its end.
        public var lookedMilliseconds: Int64?
        /// That the list has.
        public var count: Int?
        public var problem: String?
    }

    public private(set) var status = Status()
    private let ports: Ports
    private let deliveries: Deliveries
    private let looks: Repetition
    /// Where the next look begins, if the last one ran out of time.
    private var next: String?
    private let log = Logger("profiles")

    init(ports: Ports, deliveries: Deliveries) {
        self.ports = ports
        self.deliveries = deliveries
        looks = Repetition(ports.clock)
    }

    // MARK: Life

    func start() {
        guard let source = ports.profiles else { return }
        looks.start { await self.look(source) }
    }

    func stop() async { await looks.stop() }

    private func look(_ source: any ProfileSource) async -> Int64 {
        do {
            let problem = try await run(source)
            if looks.isStopping { return 0 }
            status.lookedMilliseconds = ports.clock.unixMilliseconds()
            told(problem)
        } catch {
            if !looks.isStopping { told("\(error)") }
        }
        return Int64(source.everySeconds) * 1000
    }

    private func told(_ problem: String?) {
        let problem = problem?.prefixOfUTF8(ports.limits.reasonBytes)
        // The same one comes at each look.
        if let problem, problem != status.problem { log.warning("\(problem)") }
        status.problem = problem
    }

    // MARK: A look

    /// - Returns: what could not be looked at, and why.
    private func run(_ source: any ProfileSource) async throws -> String? {
        // Before anything is asked for: what cannot be built now is not remembered as seen.
        let map = try source.map()
        let known = try source.memory()
        let entries = try await source.entries()
        status.count = entries.count
        let before = try beginning(known, source, entries)
        let (memory, problems) = await look(source, entries, map, from: before)
        if memory != known { try source.remember(memory) }
        guard let first = problems.first else { return nil }
        return problems.count > 1 ? "\(first); and \(problems.count - 1) more" : first
    }

    /// What is known when the look begins.
    private func beginning(
        _ known: ProfileMemory?, _ source: any ProfileSource, _ entries: [String: String]
    ) throws(ProfileFault) -> ProfileMemory {
        var memory = known ?? ProfileMemory(selection: source.selection)
        if memory.selection == source.selection {
            let count = memory.profiles.count { $0.value.goneMilliseconds == nil }
            guard count == 0 || !entries.isEmpty else {
                throw ProfileFault(
                    "the list is empty, and had \(count) profiles: this is treated as a server "
                        + "fault, and nothing is done")
            }
            if known != nil || source.buildsAtFirst { return memory }
        }
        // Also those that this look does not get to are not new.
        memory.profiles = memory.profiles.filter { entries[$0.key] != nil }
        for name in entries.keys where memory.profiles[name] == nil {
            memory.profiles[name] = ProfileMemory.Seen(entry: "", mark: "")
        }
        memory.selection = source.selection
        return memory
    }

    private func look(
        _ source: any ProfileSource, _ entries: [String: String], _ map: ProfileMap,
        from memory: ProfileMemory
    ) async -> (ProfileMemory, problems: [String]) {
        var memory = memory
        var problems: [String] = []
        let end = ports.clock.monotonicMilliseconds() + ports.limits.profileLookMilliseconds
        do {
            try await tellGone(entries, &memory)
            for name in order(entries.keys) {
                guard let entry = entries[name], !looks.isStopping else { break }
                if ports.clock.monotonicMilliseconds() >= end {
                    next = name
                    problems.append(
                        "the look took too long, so that the next one goes on with \(name)")
                    break
                }
                let seen = memory.profiles[name]
                if let seen, !entry.isEmpty, seen.entry == entry {
                    memory.profiles[name]?.goneMilliseconds = nil
                    continue
                }
                do {
                    let document = try await source.document(name)
                    memory.profiles[name] = try await taken(name, document, entry, seen, map)
                } catch let fault as ProfileFault { problems.append("\(name): \(fault)") }
            }
        } catch {
            // Of the store: the rest is seen by the next look.
            problems.insert("\(error)", at: 0)
        }
        return (memory, problems)
    }

    /// Begins where the last look ended, so that slow profiles do not keep the others waiting.
    private func order(_ names: some Sequence<String>) -> [String] {
        let sorted = names.sorted()
        defer { next = nil }
        guard let next, let place = sorted.firstIndex(where: { $0 >= next }) else { return sorted }
        return Array(sorted[place...] + sorted[..<place])
    }

    private func taken(
        _ name: String, _ document: ProfileDocument, _ entry: String, _ seen: ProfileMemory.Seen?,
        _ map: ProfileMap
    ) async throws -> ProfileMemory.Seen {
        var now = ProfileMemory.Seen(
            entry: entry, mark: document.mark, changedMilliseconds: seen?.changedMilliseconds)
        // Without a mark it was in the list at the first look.
        if document.mark != seen?.mark, seen?.mark != "" {
            try await submit(name, document, seen, map)
            now.changedMilliseconds = ports.clock.unixMilliseconds()
        }
        return now
    }

    // MARK: Deliveries

    private func submit(
        _ name: String, _ document: ProfileDocument, _ seen: ProfileMemory.Seen?, _ map: ProfileMap
    ) async throws {
        let change = seen == nil ? "is new" : "has changed"
        // The same change, seen again by another coordinator, is the same delivery.
        let occasion =
            "\(name) \(seen?.changedMilliseconds ?? 0) \(seen?.mark ?? "") \(document.mark)"
        var delivery = Delivery(
            hook: Self.hook, key: SHA256.hex(occasion.utf8), event: "profile \(name) \(change)",
            receivedMilliseconds: ports.clock.unixMilliseconds(), payloadBytes: document.sizeBytes)
        let builds: ProfileMap.Builds
        do {
            builds = try map.builds(of: document.profile.get())
        } catch {
            delivery.state = if case .failure = document.profile { .failed } else { .ignored }
            delivery.outcome = "nothing is built: \(error)".prefixOfUTF8(ports.limits.reasonBytes)
            return try await store(delivery)
        }
        for guestOS in builds.guestOSes {
            var request = BuildRequest(
                id: "profile \(SHA256.hex("\(occasion) \(guestOS)".utf8))", guestOS: guestOS,
                variables: builds.variables, reason: change)
            request.profile = name
            delivery.key = request.key
            delivery.request = request
            try await store(delivery)
        }
        deliveries.wake()
    }

    private func store(_ delivery: Delivery) async throws {
        // Not the profile itself, which may hold secrets.
        _ = try await ports.store.receive(delivery, payload: "")
        log.info(
            delivery.event + (delivery.request.map { ": build of \($0.guestOS)" } ?? "")
                + (delivery.outcome.isEmpty ? "" : ": \(delivery.outcome)"))
    }

    private func tellGone(
        _ entries: [String: String], _ memory: inout ProfileMemory
    ) async throws {
        let now = ports.clock.unixMilliseconds()
        for (name, seen) in memory.profiles.sorted(by: { $0.key < $1.key })
        where entries[name] == nil && seen.goneMilliseconds == nil {
            var delivery = Delivery(
                hook: Self.hook,
                key: SHA256.hex("gone \(name) \(seen.changedMilliseconds ?? 0) \(now)".utf8),
                event: "profile \(name) is gone", receivedMilliseconds: now)
            delivery.state = .ignored
            delivery.outcome = "the list does not have it any more"
            try await store(delivery)
            memory.profiles[name]?.goneMilliseconds = now
        }
        // One that comes back unchanged within this time is not new.
        let begin = now - Int64(ports.limits.deliveryDays) * Retention.dayMilliseconds
        let keepsGone = memory.profiles.count <= ports.limits.profilesKept
        memory.profiles = memory.profiles.filter { _, seen in
            seen.goneMilliseconds.map { keepsGone && $0 > begin } ?? true
        }
    }
}
