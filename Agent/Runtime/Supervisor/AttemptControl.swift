import AgentCore
import BuildProtocol
import ProcessKit
import Support

/// What the daemon requests of a running attempt, as files: they survive its restart.
struct AttemptControl: ~Copyable {
    enum StopRequest: Sendable, Hashable {
        case cancel(reason: String)
        /// Nobody waits for the attempt any more.
        case forget
    }

    /// Readable when something changed in the control folder.
    let watch: FolderWatch
    private let folder: AttemptFolder

    init(_ folder: AttemptFolder) throws(SystemError) {
        let watch = try FolderWatch()
        _ = try watch.add(folder.control)
        self.watch = watch
        self.folder = folder
    }

    func stopRequest() -> StopRequest? {
        _ = try? watch.takeEvents()
        if Files.exists(folder.forget) { return .forget }
        guard Files.exists(folder.cancel) else { return nil }
        let cancel = try? StateFile.read(
            Cancel.self, folder.cancel, limitBytes: ProtocolLimits.lineBytes)
        return .cancel(reason: cancel?.reason ?? "no reason given")
    }
}

extension AttemptControl.StopRequest {
    var fault: Fault {
        switch self {
        case .cancel(let reason): Fault(.cancelled, .cancelled, "cancelled: \(reason)")
        case .forget: Fault(.cancelled, .cancelled, "the coordinator has given the attempt up")
        }
    }
}
