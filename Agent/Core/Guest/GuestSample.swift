/// What one QEMU said of itself, and the kernel of it, at one moment.
public struct GuestSample: Sendable, Hashable {
    public var pid: Int32
    /// QEMU's word: `running`, `paused`, `io-error` …
    public var status: String
    /// Read and written by the guest, all disks together.
    public var diskBytes: Int64
    /// By connection or device, so that one that has ended is no movement backwards; `nil` where
    /// the kernel does not say.
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

    /// States in which QEMU lets the guest do nothing, and which it does not leave by itself.
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
    /// Have a control socket and do not answer on it.
    public var unresponsive: [Int32]
    /// Run without a control socket.
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
