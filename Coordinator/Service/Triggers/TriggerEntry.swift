import CoordinatorCore

/// One guest OS among those that something may build.
struct TriggerEntry: Sendable {
    let guestOS: GuestOS
    var state: TriggerState
    /// `nil` without a schedule, or with one that cannot be used.
    private(set) var times: ScheduleTimes?
    private(set) var scheduleProblem: String?
    /// The one after those that are over.
    private var nextOccasion: Int64?
    /// Its parents may have new images.
    var isParentDue: Bool
    /// It is to be built once what it is built on is.
    var isWaiting = false
    /// The newest image that passed; `nil`: not known yet.
    var passedMilliseconds: Int64??
    /// Failed submissions in a row, when the last one was, and when the next one is due.
    var failures = 0
    private var failedMilliseconds: Int64 = 0
    private var notBeforeMilliseconds: Int64 = 0
    /// When the template is to be read next, by the monotonic clock; the least time: at once.
    var readDueMilliseconds: Int64 = .min
    var isRunning = false

    init(_ guestOS: GuestOS, _ state: TriggerState, _ zones: any TimeZones) {
        self.guestOS = guestOS
        self.state = state
        isParentDue = !state.plan.parents.isEmpty
        compile(zones)
    }

    private mutating func compile(_ zones: any TimeZones) {
        times = nil
        scheduleProblem = nil
        defer { nextOccasion = times?.next(afterUnixMilliseconds: state.doneUntilMilliseconds) }
        guard let schedule = state.plan.schedule else { return }
        do throws(Failure) {
            times = ScheduleTimes(
                try CronSchedule(schedule.cron), try zones.rules(of: schedule.timeZone))
        } catch { scheduleProblem = "schedule: \(error)" }
    }

    mutating func take(_ state: TriggerState, _ zones: any TimeZones) {
        let old = (plan: self.state.plan, done: self.state.doneUntilMilliseconds)
        self.state = state
        guard old != (state.plan, state.doneUntilMilliseconds) else { return }
        if old.plan.parents != state.plan.parents { isParentDue = !state.plan.parents.isEmpty }
        compile(zones)
    }

    // MARK: What is due

    /// A clock that was set back by more than this was wrong: no run that it had counts.
    private static let clockMilliseconds: Int64 = 26 * 3_600_000
    private static let dayMilliseconds: Int64 = 86_400_000

    /// The occasion that comes next, or was missed first.
    func occasion(at now: Int64) -> Int64? {
        state.doneUntilMilliseconds > now + Self.clockMilliseconds
            ? times?.next(afterUnixMilliseconds: now) : nextOccasion
    }

    /// - Parameter began: when this coordinator took over. What was missed before is spread from
    ///   then on as the schedule spreads its runs.
    func scheduleDue(at now: Int64, began: Int64) -> Int64? {
        guard let schedule = state.plan.schedule, let occasion = occasion(at: now) else {
            return nil
        }
        let delay = schedule.delayMilliseconds(ofGuestOS: guestOS.id)
        return max(occasion, occasion + delay < began ? began : occasion) + delay
    }

    func ageDue(at now: Int64) -> Int64? {
        guard let seconds = state.plan.maxAgeSeconds else { return nil }
        guard let passed = passedMilliseconds else { return now }
        let age = Int64(seconds) * 1000
        let due = (passed ?? state.agesSinceMilliseconds ?? now) + age
        guard let aged = state.agedMilliseconds else { return due }
        // A build for its age that failed is repeated after a day.
        return max(due, aged + min(age, Self.dayMilliseconds))
    }

    func watchDue(_ kind: Watch.Kind, at now: Int64, began: Int64) -> Int64? {
        guard let watch = state.plan.watch(kind) else { return nil }
        guard let checked = state[kind].checkedMilliseconds else { return began }
        // What was in the way may be why the coordinator was restarted.
        if state.problem != nil, checked < began { return began }
        // A time to come was noted before the clock was set back.
        return checked > now ? now : checked + Int64(watch.everySeconds) * 1000
    }

    /// What cannot be done now is tried again, less and less often.
    mutating func retryLater(_ limits: ServiceLimits, at now: Int64) {
        failures += 1
        failedMilliseconds = now
        notBeforeMilliseconds =
            now
            + Backoff.delay(
                afterTries: failures, first: limits.triggerRetryFirstMilliseconds,
                longest: limits.triggerRetryLongestMilliseconds)
    }

    mutating func succeeded() { (failures, notBeforeMilliseconds) = (0, 0) }

    /// A failure to come was noted before the clock was set back.
    private func waited(_ due: Int64, _ now: Int64) -> Int64 {
        failedMilliseconds > now ? due : max(due, notBeforeMilliseconds)
    }

    /// When it is built next, as far as that is known.
    func nextRun(at now: Int64, began: Int64) -> Int64? {
        let age = passedMilliseconds == nil ? nil : ageDue(at: now)
        let next = [scheduleDue(at: now, began: began), age].compactMap(\.self).min()
        return next.map { waited($0, now) }
    }

    /// When there is something to do next; `nil`: never.
    func due(at now: Int64, began: Int64) -> Int64? {
        let watched = Watch.Kind.allCases.map { watchDue($0, at: now, began: began) }
        let due =
            ([scheduleDue(at: now, began: began), ageDue(at: now), isParentDue ? now : nil]
            + watched).compactMap(\.self).min()
        return due.map { waited($0, now) }
    }
}
