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
