import Glibc
import Support

/// The table of results, for the terminal and for docs/faults.md.
struct Report {
    let settings: Settings
    let tallies: [String: Tally]
    let builds: Int
    let seconds: Int64

    private static let path = "docs/faults.md"

    private var rows: [(name: String, tally: Tally)] {
        let names = FaultTable.all.map { $0.name } + ["at the end"]
        return names.compactMap { name in
            tallies[name].map { (name, $0) }
        }
    }

    private var command: String {
        var words = ["make chaos", "SEED=\(settings.seed)"]
        if let rounds = settings.rounds { words.append("ROUNDS=\(rounds)") }
        if settings.stretch > 1 { words.append("STRETCH=\(settings.stretch)") }
        if let only = settings.only { words.append("ONLY='\(only)'") }
        return words.joined(separator: " ")
    }

    var text: String {
        "\n`\(command)`: \(tallies.values.reduce(0) { $0 + $1.times }) faults, "
            + "\(builds) builds, \(seconds) s\n\n"
            + Tally.table(rows)
    }

    /// Replaces this campaign's table in docs/faults.md, between its markers.
    func write() throws {
        let whole = String(
            decoding: try Files.read(Self.path, limitBytes: 1 << 20), as: UTF8.self)
        let name = settings.only ?? (settings.stretch > 1 ? "long faults" : "every kind")
        let (begin, end) = ("<!-- \(name) -->\n", "<!-- end of \(name) -->\n")
        guard let start = whole.firstRange(of: begin), let stop = whole.firstRange(of: end) else {
            throw Failure("\(Self.path) has no place for this: the lines \(begin)\(end)")
        }
        let new =
            whole[..<start.upperBound] + text + "\n" + machine + "\n\n" + whole[stop.lowerBound...]
        try Files.replace(Self.path, with: String(new).utf8)
    }

    /// The conditions of the measurement.
    private var machine: String {
        let model = (try? Files.read("/proc/cpuinfo", limitBytes: 1 << 20)).flatMap { bytes in
            String(decoding: bytes, as: UTF8.self).split(separator: "\n")
                .first { $0.hasPrefix("model name") }?.split(separator: ":").last
        }
        let pages = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        return "Machine: \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) CPUs"
            + " (\(model.map { $0.trimmingPrefix(" ") } ?? "?")), \(pages >> 30) GiB, debug build."
    }
}
