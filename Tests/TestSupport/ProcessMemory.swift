import Support

/// How much memory a process uses, as the kernel counts it.
public enum ProcessMemory {
    /// The peak resident memory so far.
    public static func peakBytes(_ pid: Int32) throws -> Int64 { try field("VmHWM", pid) }

    /// Whether it leaves no core file if it crashes.
    public static func isKeptFromDumping(_ pid: Int32) throws -> Bool {
        let limits = try Files.read("/proc/\(pid)/limits", limitBytes: 1 << 16)
        return String(decoding: limits, as: UTF8.self).split(separator: "\n").contains {
            $0.split(separator: " ").prefix(6) == ["Max", "core", "file", "size", "0", "0"]
        }
    }

    private static func field(_ name: String, _ pid: Int32) throws -> Int64 {
        let bytes = try Files.read("/proc/\(pid)/status", limitBytes: 1 << 16)
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        where line.hasPrefix(name + ":") {
            if let kilobytes = Int64(line.filter(\.isNumber)) { return kilobytes << 10 }
        }
        throw Failure("process \(pid) has no \(name): it has ended")
    }
}
