import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// State that all steps of an attempt share. Used only on the supervisor's main thread.
final class AttemptContext {
    let order: AttemptOrder
    let folder: AttemptFolder
    let log: AttemptLog
    let control: AttemptControl
    let group: ControlGroup?
    var timers: AttemptTimers
    private(set) var lowestFreeBytes = Int64.max
    private var state = AttemptState.accepted
    private let outOfMemoryKillsBefore = ProcessCounters.outOfMemoryKills()
    /// A process in the namespaces of the program that runs, if it has some.
    var namespaceMember: Int32?
    /// Evidence of the guest, collected before a timer stopped the build.
    var evidence: GuestEvidence?
    /// What the build program gets, and what no log may show.
    var secrets: AttemptSecrets?
    /// What the build has made outside this host.
    var remoteImages: [RemoteImage] = []
    /// Results of the finished test cases.
    var tests: [TestResult] = []

    init(_ order: AttemptOrder, _ folder: AttemptFolder) throws(SystemError) {
        self.order = order
        self.folder = folder.running(in: order.start.template.folder)
        log = try AttemptLog(folder.log, limitBytes: order.start.limits.logBytes)
        control = try AttemptControl(folder)
        timers = AttemptTimers(
            limits: order.start.limits, nowMilliseconds: Clocks.monotonicMilliseconds())
        let name = AttemptProcesses.groupName(
            stateFolder: order.stateFolder, order.start.attempt)
        group = ControlGroup.make(named: name)
        // Not durable: if the machine goes down, the group is gone too.
        if let group {
            group.set(AttemptProcesses.limits(order.start.requirements))
            let path = group.folder
            let file = try Descriptor(folder.controlGroup, O_WRONLY | O_CREAT | O_TRUNC)
            try file.writeAll(Array(path.utf8))
        }
    }

    /// Reports a new state to the coordinator and the log.
    func enter(_ state: AttemptState, _ detail: String? = nil) throws {
        try report(state, detail)
        try log.note(detail.map { "\(state.rawValue): \($0)" } ?? state.rawValue)
    }

    /// As `enter`, without a line in the log: for progress.
    func report(_ state: AttemptState, _ detail: String?) throws {
        guard self.state.mayReport(state) else {
            throw Failure("an attempt cannot go from \(self.state.rawValue) to \(state.rawValue)")
        }
        self.state = state
        let phase = Phase(attempt: order.start.attempt, state: state, detail: detail)
        // Renamed so that no reader sees a partial file, but not made durable: after a power
        // failure the supervisor is gone, and its last phase does not matter.
        let temporary = folder.phase + ".tmp"
        let file = try Descriptor(temporary, O_WRONLY | O_CREAT | O_TRUNC)
        try file.writeAll(StateFile.encode(phase))
        if rename(temporary, folder.phase) != 0 {
            throw SystemError.last("cannot write \(folder.phase)")
        }
    }

    /// Throws the fault that ends the attempt, if a stop was requested or a timer has expired.
    /// Called between pieces of the supervisor's own work.
    func checkpoint() throws(Fault) {
        if let request = stopRequest() { throw request.fault }
        let now = Clocks.monotonicMilliseconds()
        timers.sawOutput(nowMilliseconds: now)
        if let cause = timers.expired(nowMilliseconds: now) { throw fault(of: cause) }
    }

    /// What the daemon wants: a line in the log is written at once, a stop is the caller's.
    func stopRequest() -> AttemptControl.StopRequest? {
        let request = control.stopRequest()
        if let gap = control.contactGap() { try? log.note(.reconnected, gap.words) }
        return request
    }

    /// How its program is stopped.
    func escalation(isUrgent: Bool, nowMilliseconds: Int64) -> StopEscalation {
        StopEscalation(
            nowMilliseconds: nowMilliseconds, isUrgent: isUrgent,
            cleanupSeconds: order.start.limits.cleanupSeconds)
    }

    func fault(of cause: TimeoutCause) -> Fault {
        cause.fault(evidence: evidence, lowestFreeBytes: lowestFreeBytes)
    }

    /// Processes of any build that this machine killed for lack of memory since the attempt
    /// started.
    var outOfMemoryKills: Int64 { ProcessCounters.outOfMemoryKills() - outOfMemoryKillsBefore }

    /// The attempt's limit, if one of its processes was killed because they needed more.
    var exceededMemoryBytes: Int64? {
        guard let group, group.outOfMemoryKills > 0 else { return nil }
        return AttemptProcesses.limits(order.start.requirements).memoryBytes
    }

    /// Records the minimum of free space, to tell a full disk of the host from one of a guest.
    func sampleDisk() {
        guard let room = try? Files.room(folder.root) else { return }
        lowestFreeBytes = min(lowestFreeBytes, room.free)
    }
}
