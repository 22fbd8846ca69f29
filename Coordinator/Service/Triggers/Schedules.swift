import BuildProtocol
import CoordinatorCore
import Support

/// Submits the builds that nobody asks for: by schedules, for new images of parents, for new base
/// images, and for images that get old. What it does follows from what is stored, so that the next
/// leader does what this one did not.
public actor Schedules {
    let ports: Ports
    let store: any TriggerWriter
    var submission: BuildSubmission?
    var board = TriggerBoard()
    /// When this coordinator took over.
    private(set) var beganMilliseconds: Int64 = 0
    private var running: [String: Task<Void, Never>] = [:]
    private var isListStale = true
    private let due: Repetition
    private let unread: Repetition
    let log = Logger("schedules")

    init(ports: Ports, store: any TriggerWriter) {
        self.ports = ports
        self.store = store
        due = Repetition(ports.clock)
        unread = Repetition(ports.clock)
    }

    private var isStopping: Bool { due.isStopping }
    var zones: any TimeZones { ports.timeZones ?? NoTimeZones() }

    // MARK: Life

    func start(_ submission: BuildSubmission) {
        guard ports.timeZones != nil, !isStopping else { return }
        self.submission = submission
        beganMilliseconds = ports.clock.unixMilliseconds()
        due.start { await self.submitDue() }
        unread.start { await self.readNext() }
    }

    func stop() async {
        await due.stop()
        await unread.stop()
        for task in running.values { task.cancel() }
        for task in running.values { await task.value }
        submission = nil
    }

    private func submitDue() async -> Int64 {
        if isListStale { await load() }
        let now = ports.clock.unixMilliseconds()
        while running.count < ports.limits.triggersAtOnce, !isStopping,
            let id = board.takeDue(at: now)
        {
            begin(id)
        }
        let isBusy = running.count >= ports.limits.triggersAtOnce
        let next = isBusy ? .max : board.nextDue ?? .max
        return min(max(next == .max ? .max : next - now, 1), ports.limits.triggerLookMilliseconds)
    }

    private func begin(_ id: String) {
        guard var entry = board[id] else { return }
        entry.isRunning = true
        board.set(entry, due: nil)
        running[id] = Task {
            await self.run(id)
            self.ended(run: id)
        }
    }

    private func ended(run id: String) {
        running[id] = nil
        change(id) { $0.isRunning = false }
        due.wake()
    }

    // MARK: The list

    /// Something was registered, changed, renamed, retired or removed.
    public func catalogChanged() {
        isListStale = true
        due.wake()
    }

    private func load() async {
        isListStale = false
        do {
            let registered = try await TriggerList(ports: ports).read()
            var gone = Set(board.all.map(\.guestOS.id))
            for (guestOS, state) in registered {
                gone.remove(guestOS.id)
                take(guestOS, state)
            }
            for id in gone { board.remove(id) }
            unread.wake()
        } catch {
            isListStale = true
            log.error("cannot read the schedules: \(error)")
        }
    }

    private func take(_ guestOS: GuestOS, _ state: TriggerState?) {
        if let known = board[guestOS.id], known.guestOS == guestOS { return }
        var entry = TriggerEntry(
            guestOS, state ?? TriggerState(guestOSID: guestOS.id), zones)
        if let known = board[guestOS.id] {
            // Its template may be another one.
            entry.isRunning = known.isRunning
            entry.passedMilliseconds = known.passedMilliseconds
        } else if state != nil {
            // Read by the last leader: their next readings are spread.
            let period = UInt64(ports.limits.triggerRefreshMilliseconds)
            entry.readDueMilliseconds =
                ports.clock.monotonicMilliseconds() + Int64(StableHash.of(guestOS.id) % period)
        }
        let now = ports.clock.unixMilliseconds()
        board.set(entry, due: entry.due(at: now, began: beganMilliseconds))
    }

    /// Changes an entry in memory, and when it is due.
    func change(_ id: String, _ body: (inout TriggerEntry) -> Void) {
        guard var entry = board[id] else { return }
        body(&entry)
        let due = entry.due(at: ports.clock.unixMilliseconds(), began: beganMilliseconds)
        board.set(entry, due: due)
        self.due.wake()
    }

    // MARK: What templates say

    private func readNext() async -> Int64 {
        let now = ports.clock.monotonicMilliseconds()
        let longest = ports.limits.triggerLookMilliseconds
        guard let next = board.nextRead, next.due <= now else {
            return board.nextRead.map { min($0.due - now, longest) } ?? longest
        }
        wasRead(next.guestOS.id)
        await read(next.guestOS)
        // What comes meanwhile does not shorten the pause between two readings.
        try? await ports.clock.sleep(milliseconds: ports.limits.triggerPauseMilliseconds)
        return 0
    }

    private func wasRead(_ id: String) {
        let next = ports.clock.monotonicMilliseconds() + ports.limits.triggerRefreshMilliseconds
        change(id) { $0.readDueMilliseconds = next }
    }

    private func read(_ guestOS: GuestOS) async {
        do {
            let (triggers, commit) = try await ports.templates.triggers(of: guestOS)
            await record(triggers.timed, commit: commit, of: guestOS)
        } catch let fault as TemplateFault {
            let text = fault.description.prefixOfUTF8(ports.limits.reasonBytes)
            await update(guestOS.id) { $0.problem = text }
        } catch {}
    }

    /// The template has changed, or may have: it is read next.
    func templateChanged(ofGuestOS id: String) {
        change(id) { $0.readDueMilliseconds = .min }
        unread.wake()
    }

    /// Takes what the template of the guest OS, as it is registered, says now.
    func record(_ plan: TriggerPlan, commit: String?, of guestOS: GuestOS) async {
        let now = ports.clock.unixMilliseconds()
        wasRead(guestOS.id)
        await update(guestOS.id) { state in
            state.problem = nil
            // A commit that changes nothing here is not worth a write.
            if state.plan != plan { state.take(plan, commit: commit, atMilliseconds: now) }
        }
    }

    // MARK: For people

    public func report(ofGuestOS id: String) -> TriggerReport? {
        board[id].flatMap {
            board.report($0, at: ports.clock.unixMilliseconds(), began: beganMilliseconds)
        }
    }

    /// By the next run, then by name, after a guest OS.
    public func upcoming(after: String?, limit: Int) -> [TriggerReport] {
        board.upcoming(
            after: after, limit: limit, at: ports.clock.unixMilliseconds(),
            began: beganMilliseconds)
    }

    // MARK: State

    /// Stores a change of the state, and applies it in memory. Nothing to do if nothing changes.
    /// - Returns: whether it is stored.
    @discardableResult
    func update(_ id: String, _ body: (inout TriggerState) -> Void) async -> Bool {
        for _ in 0..<3 {
            guard let entry = board[id] else { return false }
            var next = entry.state
            body(&next)
            guard next != entry.state else { return true }
            do {
                if let saved = try await store.save(next) {
                    change(id) { $0.take(saved, zones) }
                    return true
                }
                // Another task or coordinator changed it.
                guard let stored = try await ports.store.triggerState(ofGuestOS: id) else {
                    return false
                }
                change(id) { $0.take(stored, zones) }
            } catch {
                log.warning("cannot record the triggers of \(entry.guestOS.name): \(error)")
                return false
            }
        }
        return false
    }
}
