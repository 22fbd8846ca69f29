import AgentCore
import BuildProtocol

/// When a coordinator should hear of its host again.
enum HostReports {
    static func isNotable(from old: HostReport, to new: HostReport) -> Bool {
        var same = new
        same.unixMilliseconds = old.unixMilliseconds
        if abs(new.diskFreeBytes - old.diskFreeBytes) < AgentLimits.notableDiskBytes {
            same.diskFreeBytes = old.diskFreeBytes
        }
        return same != old
    }
}
