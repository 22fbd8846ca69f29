import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// What all steps of one attempt share. Lives on the supervisor's one thread.
final class AttemptContext {
    let order: AttemptOrder
    let folder: AttemptFolder
    let log: AttemptLog
    let control: AttemptControl
    let group: ControlGroup?
    var timers: AttemptTimers
    private(set) var lowestFreeBytes = Int64.max
    private let outOfMemoryKillsBefore = ProcessCounters.outOfMemoryKills()
    /// What was seen of the guest before a timer ended the build.
    var evidence: GuestEvidence?
    /// Of the test cases that have ended.
    var tests: [TestResult] = []

    init(_ order: AttemptOrder, _ folder: AttemptFolder) throws(SystemError) {
        self.order = order
        self.folder = folder
        log = try AttemptLog(folder.log, limitBytes: order.start.limits.logBytes)
        control = try AttemptControl(folder)
        timers = AttemptTimers(
            limits: order.start.limits, nowMilliseconds: Clocks.monotonicMilliseconds())
        let name = AttemptProcesses.groupName(
            stateFolder: order.stateFolder, order.start.attempt)
        group = ControlGroup.make(named: name)
        // Not durable: where the machine goes down, the group goes too.
        if let path = group?.folder {
            let file = try Descriptor(folder.controlGroup, O_WRONLY | O_CREAT | O_TRUNC)
            try file.writeAll(Array(path.utf8))
        }
    }

    /// Says for the coordinator and the log where the attempt stands.
    func enter(_ state: AttemptState, _ detail: String? = nil) throws {
        try report(state, detail)
        try log.note(detail.map { "\(state.rawValue): \($0)" } ?? state.rawValue)
    }

    /// As `enter`, without a line in the log: for progress.
    func report(_ state: AttemptState, _ detail: String?) throws {
        let phase = Phase(attempt: order.start.attempt, state: state, detail: detail)
        // Renamed so that no reader sees a part, but not made durable: after a power cut the
        // supervisor is gone, and its last phase with it means nothing.
        let temporary = folder.phase + ".tmp"
        let file = try Descriptor(temporary, O_WRONLY | O_CREAT | O_TRUNC)
        try file.writeAll(StateFile.encode(phase))
        if rename(temporary, folder.phase) != 0 {
            throw SystemError.last("cannot write \(folder.phase)")
        }
    }

    /// Throws the fault that ends the attempt, if somebody wished for its end or its time is over.
    /// Called between the pieces of the supervisor's own work.
    func checkpoint() throws(Fault) {
        if let request = control.stopRequest() { throw request.fault }
        let now = Clocks.monotonicMilliseconds()
        timers.sawOutput(nowMilliseconds: now)
        if let cause = timers.expired(nowMilliseconds: now) { throw fault(of: cause) }
    }

    func fault(of cause: TimeoutCause) -> Fault {
        cause.fault(evidence: evidence, lowestFreeBytes: lowestFreeBytes)
    }

    /// Processes of whatever build that this machine killed for want of memory since the attempt
    /// began. The attempt's group does not count its own: it has no memory controller, because the
    /// daemon sits in the group above it.
    var outOfMemoryKills: Int64 { ProcessCounters.outOfMemoryKills() - outOfMemoryKillsBefore }

    /// Remembers how full the disk became, to know a host's full disk from a guest's.
    func sampleDisk() {
        guard let room = try? Files.room(folder.root) else { return }
        lowestFreeBytes = min(lowestFreeBytes, room.free)
    }
}
