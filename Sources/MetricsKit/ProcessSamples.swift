import FoundationEssentials
import Glibc

/// What Linux knows of this process, by the names that Prometheus' own client libraries use.
public enum ProcessSamples {
    private static let cpu = Metric(
        "process_cpu_seconds_total", .counter, "Processor time of this process, user and system.")
    private static let memory = Metric(
        "process_resident_memory_bytes", .gauge, "Memory of this process.")
    private static let files = Metric(
        "process_open_fds", .gauge, "Open file descriptors of this process.")
    private static let fileLimit = Metric(
        "process_max_fds", .gauge, "File descriptors that this process may have open.")
    private static let start = Metric(
        "process_start_time_seconds", .gauge, "When this process began, as a Unix time.")

    public static let table = [cpu, memory, files, fileLimit, start]

    /// What can be read; nothing without `/proc`.
    public static func now() -> [Sample] {
        var samples: [Sample] = []
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            samples.append(Sample(fileLimit, Double(limit.rlim_cur)))
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            samples.append(Sample(files, Double(open.count)))
        }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let fields = status()
        // As proc(5) counts from 1, the fields after the name begin with the third.
        func field(_ number: Int) -> Double? {
            fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil
        }
        if let user = field(14), let system = field(15) {
            samples.append(Sample(cpu, (user + system) / ticks))
        }
        if let pages = field(24) {
            samples.append(Sample(memory, pages * Double(sysconf(Int32(_SC_PAGESIZE)))))
        }
        if let began = field(22), let boot = bootTime {
            samples.append(Sample(start, boot + began / ticks))
        }
        return samples
    }

    /// Of `/proc/self/stat`, what follows the name of the program, which may have spaces.
    private static func status() -> [Substring] {
        guard let text = text("/proc/self/stat"), let end = text.lastIndex(of: ")") else {
            return []
        }
        return text[text.index(after: end)...].split(separator: " ")
    }

    private static let bootTime: Double? = text("/proc/stat")?.split(separator: "\n")
        .first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
