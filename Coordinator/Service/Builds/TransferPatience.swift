import CoordinatorCore

/// How long a connected host may fail to deliver another byte of an artifact.
struct TransferPatience {
    private let ports: Ports
    private var doneBytes: Int64
    private var quietSince: Int64

    init(_ ports: Ports, doneBytes: Int64) {
        self.ports = ports
        self.doneBytes = doneBytes
        quietSince = ports.clock.monotonicMilliseconds()
    }

    /// Whether a retry after this error is pointless.
    mutating func ends(with error: any Error, doneBytes: Int64) -> Bool {
        let now = ports.clock.monotonicMilliseconds()
        // A full web root is not the host's fault.
        if doneBytes > self.doneBytes || !(error is HostFault) { quietSince = now }
        self.doneBytes = max(self.doneBytes, doneBytes)
        return now - quietSince >= ports.limits.pullQuietMilliseconds
    }
}
