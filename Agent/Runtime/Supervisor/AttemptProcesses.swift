import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// The processes of attempts whose supervisor is gone, found by what they carry.
enum AttemptProcesses {
    /// Unique on the machine: other agents, with other state folders, may share the tree.
    static func groupName(stateFolder: String, _ token: AttemptToken) -> String {
        groupPrefix(stateFolder: stateFolder) + token.text
    }

    static func groupPrefix(stateFolder: String) -> String {
        "aibuild-\(SHA256.hex(stateFolder.utf8).prefix(8))-"
    }

    /// Kills everything that an attempt left running. Blocks for the moment that takes.
    /// - Returns: what would not die.
    static func killAll(_ folder: AttemptFolder, stateFolder: String) -> [Int32] {
        if let bytes = try? Files.read(folder.controlGroup, limitBytes: 4096) {
            let path = String(decoding: bytes, as: UTF8.self)
            // The file lies where a build could write: only our own groups are killed by it.
            if Files.name(of: path) == groupName(stateFolder: stateFolder, folder.token) {
                let group = ControlGroup(existing: path)
                group.kill()
                group.remove()
            }
        }
        return killMarked(stateFolder: stateFolder) { $0 == folder.token.text }
    }

    /// Kills processes of this agent whose attempt token `isWanted`, again and again until there
    /// are none: a process may fork while it is being killed.
    static func killMarked(
        stateFolder: String, where isWanted: (String) -> Bool
    ) -> [Int32] {
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.killMilliseconds
        while true {
            let mine = Set(
                ProcessTable.withVariable(ProcessMark.stateFolder) { $0 == stateFolder }.map(\.pid))
            if mine.isEmpty { return [] }
            let found = ProcessTable.withVariable(ProcessMark.attempt, where: isWanted)
                .filter { mine.contains($0.pid) && $0.pid != getpid() }
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
