import AgentCore
import BuildProtocol
import ProcessKit
import Support

/// Requests of the daemon to a running attempt. They are files, so that they survive its restart.
struct AttemptControl: ~Copyable {
    enum StopRequest: Sendable, Hashable {
        case cancel(reason: String)
        /// No coordinator needs the attempt any more.
        case forget
    }

    /// Readable after a change in the control folder.
    let watch: FolderWatch
    private let folder: AttemptFolder

    init(_ folder: AttemptFolder) throws(SystemError) {
        let watch = try FolderWatch()
        _ = try watch.add(folder.control)
        self.watch = watch
        self.folder = folder
    }

    /// Once for each.
    func contactGap() -> ContactGap? {
        guard Files.exists(folder.contactGap) else { return nil }
        let gap = try? StateFile.read(
            ContactGap.self, folder.contactGap, limitBytes: ProtocolLimits.lineBytes)
        try? Files.remove(folder.contactGap)
        return gap
    }

    func stopRequest() -> StopRequest? {
        _ = try? watch.takeEvents()
        if Files.exists(folder.forget) { return .forget }
        guard Files.exists(folder.cancel) else { return nil }
        let cancel = try? StateFile.read(
            Cancel.self, folder.cancel, limitBytes: ProtocolLimits.lineBytes)
        return .cancel(reason: cancel?.reason ?? "cancelled, nobody said why")
    }
}

extension AttemptControl.StopRequest {
    var fault: Fault {
        switch self {
        case .cancel(let reason): Fault(.cancelled, .cancelled, reason)
        case .forget: Fault(.cancelled, .cancelled, "the coordinator gave up the attempt")
        }
    }
}
