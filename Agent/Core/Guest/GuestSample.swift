/// Counters of a QEMU at one moment, from QEMU and from the kernel.
public struct GuestSample: Sendable, Hashable {
    public var pid: Int32
    /// QEMU's run state: `running`, `paused`, `io-error` …
    public var status: String
    /// Read and written by the guest, on all disks.
    public var diskBytes: Int64
    /// By connection or device, so that a closed one does not reduce the sum; `nil` if the kernel
    /// does not provide it.
    public var network: [String: Int64]?
    public var cpuMilliseconds: Int64?

    public init(
        pid: Int32, status: String, diskBytes: Int64, network: [String: Int64]?,
        cpuMilliseconds: Int64?
    ) {
        self.pid = pid
        self.status = status
        self.diskBytes = diskBytes
        self.network = network
        self.cpuMilliseconds = cpuMilliseconds
    }

    /// Whether QEMU has stopped the guest and will not resume it by itself.
    public var isStopped: Bool {
        [
            "paused", "io-error", "internal-error", "guest-panicked", "watchdog", "shutdown",
            "suspended",
        ].contains(status)
    }
}

/// All QEMUs of an attempt at one moment.
public struct GuestSnapshot: Sendable, Hashable {
    public var atMilliseconds: Int64
    public var samples: [GuestSample]
    /// QEMUs that do not answer on their control socket.
    public var unresponsive: [Int32]
    /// QEMUs without a control socket.
    public var uncontrolled: [Int32]

    public init(
        atMilliseconds: Int64, samples: [GuestSample] = [], unresponsive: [Int32] = [],
        uncontrolled: [Int32] = []
    ) {
        self.atMilliseconds = atMilliseconds
        self.samples = samples
        self.unresponsive = unresponsive
        self.uncontrolled = uncontrolled
    }
}
