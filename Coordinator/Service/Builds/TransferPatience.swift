import CoordinatorCore

/// How long a host that is connected may fail to give one more byte of an artifact.
struct TransferPatience {
    private let ports: Ports
    private var doneBytes: Int64
    private var quietSince: Int64

    init(_ ports: Ports, doneBytes: Int64) {
        self.ports = ports
        self.doneBytes = doneBytes
        quietSince = ports.clock.monotonicMilliseconds()
    }

    /// Whether no further try is worth it after this error.
    mutating func ends(with error: any Error, doneBytes: Int64) -> Bool {
        let now = ports.clock.monotonicMilliseconds()
        // A web root that is full is not the host's fault.
        if doneBytes > self.doneBytes || !(error is HostFault) { quietSince = now }
        self.doneBytes = max(self.doneBytes, doneBytes)
        return now - quietSince >= ports.limits.pullQuietMilliseconds
    }
}
