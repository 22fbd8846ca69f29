import TextKit

/// Traffic of an attempt's guests between two snapshots.
public struct GuestActivity: Sendable, Hashable {
    public var milliseconds: Int64
    public var diskBytes: Int64 = 0
    /// `nil` if the kernel does not provide it.
    public var networkBytes: Int64?
    public var cpuMilliseconds: Int64 = 0

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Counts only QEMUs in both snapshots.
    public init(from first: GuestSnapshot, to second: GuestSnapshot) {
        milliseconds = second.atMilliseconds - first.atMilliseconds
        for new in second.samples {
            guard let old = first.samples.first(where: { $0.pid == new.pid }) else { continue }
            diskBytes += max(0, new.diskBytes - old.diskBytes)
            cpuMilliseconds += max(0, (new.cpuMilliseconds ?? 0) - (old.cpuMilliseconds ?? 0))
            guard let before = old.network, let after = new.network else { continue }
            networkBytes =
                (networkBytes ?? 0)
                + after.reduce(0) { $0 + max(0, $1.value - (before[$1.key] ?? 0)) }
        }
    }

    /// CPU time is no sign of activity: a hung guest may be in an endless loop.
    public var isActive: Bool {
        let idle = AgentLimits.idleGuestBytesPerSecond * milliseconds / 1000
        return diskBytes > idle || (networkBytes ?? 0) > idle
    }

    /// `moved 12 MiB of disk and 0 B of network in 60 s (3 s of processor time)`
    public var summary: String {
        let network = networkBytes.map { "\(ByteSize.text($0)) of network" } ?? "an unknown network"
        return "moved \(ByteSize.text(diskBytes)) of disk and \(network) in "
            + "\(Self.seconds(milliseconds)) s (\(Self.seconds(cpuMilliseconds)) s of processor "
            + "time)"
    }

    /// With a decimal below 10 s.
    private static func seconds(_ milliseconds: Int64) -> String {
        milliseconds >= 10_000 || milliseconds % 1000 == 0
            ? "\(milliseconds / 1000)" : "\(milliseconds / 1000).\(milliseconds % 1000 / 100)"
    }
}
