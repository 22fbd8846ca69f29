/// An agent's numbers are untrusted: sums and differences of them must not overflow.
public enum UntrustedNumbers {
    /// More than any disk, memory, file or log has.
    static let bytes: ClosedRange<Int64> = 0...(1 << 50)
    /// Slots and vCPUs: more than any host has.
    static let counts = 0...(1 << 20)
    /// From 1970 to the year 10000.
    static let unixMilliseconds: ClosedRange<Int64> = 0...253_402_300_799_000
}

extension HostReport {
    /// The report with each number clamped to its range.
    public var bounded: HostReport {
        var bounded = self
        bounded.slots = slots.clamped(to: UntrustedNumbers.counts)
        bounded.vcpus = vcpus.clamped(to: UntrustedNumbers.counts)
        bounded.memoryBytes = memoryBytes.clamped(to: UntrustedNumbers.bytes)
        bounded.diskFreeBytes = diskFreeBytes.clamped(to: UntrustedNumbers.bytes)
        bounded.diskTotalBytes = diskTotalBytes.clamped(to: UntrustedNumbers.bytes)
        bounded.unixMilliseconds = unixMilliseconds.clamped(to: UntrustedNumbers.unixMilliseconds)
        return bounded
    }
}

extension Finished {
    /// What a correct agent never sends; `nil` if there is nothing of the kind.
    public var problem: String? {
        if !UntrustedNumbers.bytes.contains(logBytes) { return "a log of \(logBytes) bytes" }
        guard artifacts.count <= ProtocolLimits.artifactsPerAttempt else {
            return "\(artifacts.count) artifacts"
        }
        for artifact in artifacts {
            for size in [artifact.sizeBytes, artifact.virtualSizeBytes ?? 0]
            where !UntrustedNumbers.bytes.contains(size) {
                return "an artifact of \(size) bytes"
            }
        }
        for time in [startedUnixMilliseconds, endedUnixMilliseconds]
        where !UntrustedNumbers.unixMilliseconds.contains(time) {
            return "a time \(time) ms after 1970"
        }
        return nil
    }
}

extension Comparable {
    fileprivate func clamped(to range: ClosedRange<Self>) -> Self {
        min(max(self, range.lowerBound), range.upperBound)
    }
}
