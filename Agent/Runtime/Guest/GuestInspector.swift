import AgentCore
import BuildProtocol
import ProcessKit
import Support
import Synchronization

/// Runs guest queries in parallel to the supervisor's loop, which continues to read output and to
/// handle cancel requests. One query at a time; one that exceeds its deadline is abandoned.
final class GuestInspector {
    enum Finding: Sendable {
        case snapshot(GuestSnapshot)
        case evidence(GuestEvidence?)
    }

    private final class Slot: Sendable {
        let finding = Mutex<Finding?>(nil)
    }

    private let folder: AttemptFolder
    private var slot: Slot?
    private var startedMilliseconds: Int64 = 0
    private var unanswered = Finding.evidence(nil)

    init(_ folder: AttemptFolder) { self.folder = folder }

    var isBusy: Bool { slot != nil }

    func takeSnapshot() {
        // It is unknown which QEMU is late.
        let late = GuestSnapshot(
            atMilliseconds: Clocks.monotonicMilliseconds(), unresponsive: [Int32(0)])
        run(orElse: .snapshot(late)) { .snapshot($0.snapshot()) }
    }

    func collectEvidence() {
        let late = GuestEvidence(notes: ["QEMU did not answer in time"])
        run(orElse: .evidence(late)) { .evidence($0.evidence()) }
    }

    private func run(
        orElse late: Finding, _ query: @escaping @Sendable (GuestQuery) -> Finding
    ) {
        let slot = Slot()
        self.slot = slot
        startedMilliseconds = Clocks.monotonicMilliseconds()
        unanswered = late
        let guests = GuestQuery(folder: GuestFolder(path: folder.guests), token: folder.token)
        do throws(SystemError) {
            try OwnThread.start {
                let finding = query(guests)
                slot.finding.withLock { $0 = finding }
            }
        } catch {
            slot.finding.withLock { $0 = late }
        }
    }

    /// The result, once: when it is there, or when the query is abandoned.
    func take(nowMilliseconds: Int64) -> Finding? {
        guard let slot else { return nil }
        var finding = slot.finding.withLock { $0 }
        // The query keeps its own deadline; this is a safety net.
        let limit = startedMilliseconds + AgentLimits.guestQueryMilliseconds * 2
        if finding == nil, nowMilliseconds >= limit { finding = unanswered }
        if finding != nil { self.slot = nil }
        return finding
    }
}
