import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Processes of attempts whose supervisor is gone, found by their environment variables.
enum AttemptProcesses {
    /// Unique on the machine, since agents with other state folders may share the tree.
    static func groupName(stateFolder: String, _ token: AttemptToken) -> String {
        groupPrefix(stateFolder: stateFolder) + token.text
    }

    static func groupPrefix(stateFolder: String) -> String {
        "aibuild-\(SHA256.hex(stateFolder.utf8).prefix(8))-"
    }

    /// What an attempt may take of its host. QEMU needs memory beside its guest's: for its own
    /// structures, and for the code that it generates without KVM.
    static func limits(_ needs: Requirements) -> GroupLimits {
        let besides = max(AgentLimits.memoryBesidesBytes, needs.memoryBytes / 4)
        let (sum, isOver) = needs.memoryBytes.addingReportingOverflow(besides)
        return GroupLimits(
            memoryBytes: isOver ? .max : sum, processes: AgentLimits.attemptProcesses,
            processorWeight: min(max(1, needs.vcpus), AgentLimits.processorWeight))
    }

    /// Sets the limits of a running attempt again, which end with the daemon.
    static func limitAgain(_ order: AttemptOrder) {
        let name = groupName(stateFolder: order.stateFolder, order.start.attempt)
        for folder in ControlGroup.siblings() where Files.name(of: folder) == name {
            ControlGroup(existing: folder).set(limits(order.start.requirements))
        }
    }

    /// Kills everything that an attempt left running. Blocks until that is done.
    /// - Returns: the processes that could not be killed.
    static func killAll(_ folder: AttemptFolder, stateFolder: String) -> [Int32] {
        if let bytes = try? Files.read(folder.controlGroup, limitBytes: 4096) {
            let path = String(decoding: bytes, as: UTF8.self)
            // A build can write to this file, so only groups of this agent are killed.
            if Files.name(of: path) == groupName(stateFolder: stateFolder, folder.token) {
                let group = ControlGroup(existing: path)
                group.kill()
                group.remove()
            }
        }
        return killMarked(stateFolder: stateFolder) { $0 == folder.token.text }
    }

    /// Kills processes of this agent whose attempt token `isWanted`, repeatedly until there are
    /// none, because a process may fork while it is being killed.
    static func killMarked(
        stateFolder: String, where isWanted: (String) -> Bool
    ) -> [Int32] {
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.killMilliseconds
        while true {
            let found = ProcessTable.withVariable(
                ProcessMark.attempt, beside: (ProcessMark.stateFolder, stateFolder),
                where: isWanted
            ).filter { $0.pid != getpid() }
            if found.isEmpty || Clocks.monotonicMilliseconds() > deadline {
                return found.map(\.pid)
            }
            for process in found {
                ProcessTable.kill(process.pid, withVariable: ProcessMark.attempt, process.value)
            }
            poll(nil, 0, 5)
        }
    }
}
