public import BuildProtocol
import TextKit

/// Whether a host has room for an attempt now.
public enum Admission {
    /// Resources of the host, and what its running attempts use.
    public struct Room: Sendable, Hashable {
        public var slots: Int
        public var memoryBytes: Int64
        /// Free for new attempts: reservations of running ones are subtracted.
        public var diskFreeBytes: Int64
        public var accelerators: Set<Accelerator>
        public var running: [Requirements]
        /// Attempts on disk, in any state.
        public var attempts: Int

        public init(
            slots: Int, memoryBytes: Int64, diskFreeBytes: Int64,
            accelerators: Set<Accelerator>, running: [Requirements], attempts: Int
        ) {
            self.slots = slots
            self.memoryBytes = memoryBytes
            self.diskFreeBytes = diskFreeBytes
            self.accelerators = accelerators
            self.running = running
            self.attempts = attempts
        }
    }

    /// `nil` if the attempt may start, otherwise the reason for an operator.
    public static func refusal(_ wanted: Requirements, _ room: Room) -> String? {
        if room.running.count >= room.slots {
            return "all \(room.slots) slots of this host are in use"
        }
        if room.attempts >= ProtocolLimits.attemptsPerHost {
            return "this host holds \(room.attempts) attempts that no coordinator has "
                + "acknowledged; forget them first"
        }
        let memory = room.running.reduce(wanted.memoryBytes) { $0 + $1.memoryBytes }
        if memory > room.memoryBytes {
            return "the build needs \(ByteSize.text(wanted.memoryBytes)) of memory; "
                + "\(ByteSize.text(room.memoryBytes - (memory - wanted.memoryBytes))) is free"
        }
        if wanted.diskBytes > room.diskFreeBytes {
            return "the build needs \(ByteSize.text(wanted.diskBytes)) of disk; "
                + "\(ByteSize.text(room.diskFreeBytes)) is free"
        }
        if let accelerator = wanted.accelerator, !room.accelerators.contains(accelerator) {
            return "the build needs the accelerator \(accelerator.rawValue), which does not work "
                + "on this host"
        }
        return nil
    }

    /// Space for new attempts: free bytes minus a reserve and what running attempts may still
    /// write.
    public static func diskFree(freeBytes: Int64, running: [Requirements]) -> Int64 {
        let reserved = running.reduce(AgentLimits.diskReserveBytes) { $0 + $1.diskBytes }
        return max(0, freeBytes - reserved)
    }
}
