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
