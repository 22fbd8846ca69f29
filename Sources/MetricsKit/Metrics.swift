import Synchronization

/// The counters, gauges and histograms of a program. Every call is one short turn of a lock: it may
/// be made from any thread.
///
/// What labels a metric can have is bounded by its users. In case one is not, series beyond a limit
/// are counted together as `other`, so that whoever chooses a value cannot fill the memory.
public final class Metrics: Sendable {
    private struct Series {
        var value = 0.0
        /// How many were observed in each bucket, the last one without a bound.
        var buckets: [UInt64] = []
    }

    private typealias Family = [[String]: Series]

    private let families = Mutex<[String: Family]>([:])
    private let table: [Metric]

    /// Of one metric. A coordinator has about two hundred routes, with a few classes of status.
    static let seriesLimit = 2000
    /// Of the value of a label.
    static let labelScalars = 200

    /// - Parameter table: in the order in which they are shown. A metric without labels begins
    ///   with 0, so that its first increase is seen.
    public init(_ table: [Metric]) {
        self.table = table
        families.withLock { families in
            for metric in table where metric.labels.isEmpty && metric.kind != .gauge {
                families[metric.name] = [[]: Series()]
            }
        }
    }

    /// Adds to a counter, or to a gauge of what comes and goes.
    public func add(_ metric: Metric, _ labels: [String] = [], by value: Double = 1) {
        change(metric, labels) { $0.value += value }
    }

    public func set(_ metric: Metric, _ labels: [String] = [], to value: Double) {
        change(metric, labels) { $0.value = value }
    }

    public func observe(_ metric: Metric, _ value: Double) { observe(metric, [], value) }

    /// Adds an observation to a histogram.
    public func observe(_ metric: Metric, _ labels: [String], _ value: Double) {
        guard case .histogram(let bounds) = metric.kind else { return }
        change(metric, labels) { series in
            if series.buckets.isEmpty {
                series.buckets = [UInt64](repeating: 0, count: bounds.count + 1)
            }
            series.value += value
            series.buckets[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        }
    }

    private func change(
        _ metric: Metric, _ labels: [String], _ body: (inout Series) -> Void
    ) {
        families.withLock { families in
            let count = families[metric.name]?.count ?? 0
            if count < Self.seriesLimit || families[metric.name]?[labels] != nil {
                body(&families[metric.name, default: [:]][labels, default: Series()])
            } else {
                let other = metric.labels.map { _ in "other" }
                body(&families[metric.name, default: [:]][other, default: Series()])
            }
        }
    }

    /// Everything, in the text format of Prometheus, version 0.0.4.
    /// - Parameter samples: what is known only now.
    public func text(with samples: [Sample] = []) -> String {
        var families = families.withLock(\.self)
        for sample in samples {
            families[sample.metric.name, default: [:]][sample.labels] = Series(
                value: sample.value)
        }
        return table.reduce(into: "") { text, metric in
            guard let family = families[metric.name], !family.isEmpty else { return }
            text += "# HELP \(metric.name) \(Self.escaped(metric.help, quotes: false))\n"
            text += "# TYPE \(metric.name) \(metric.kind.word)\n"
            for (labels, series) in family.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) })
            {
                text += Self.lines(metric, labels, series)
            }
        }
    }

    private static func lines(_ metric: Metric, _ labels: [String], _ series: Series) -> String {
        let pairs = zip(metric.labels, labels).map { "\($0)=\"\(escaped($1))\"" }
        func line(_ ending: String, _ more: [String], _ value: String) -> String {
            let all = pairs + more
            let braces = all.isEmpty ? "" : "{" + all.joined(separator: ",") + "}"
            return "\(metric.name)\(ending)\(braces) \(value)\n"
        }
        guard case .histogram(let bounds) = metric.kind else {
            return line("", [], number(series.value))
        }
        var text = ""
        var total: UInt64 = 0
        for (index, bound) in bounds.enumerated() {
            total += series.buckets.isEmpty ? 0 : series.buckets[index]
            text += line("_bucket", ["le=\"\(number(bound))\""], "\(total)")
        }
        total += series.buckets.last ?? 0
        return text + line("_bucket", ["le=\"+Inf\""], "\(total)")
            + line("_sum", [], number(series.value)) + line("_count", [], "\(total)")
    }

    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    /// In a label's value, quotes end the value; in a help text they do not.
    private static func escaped(_ text: String, quotes: Bool = true) -> String {
        var out = ""
        for scalar in text.unicodeScalars.prefix(quotes ? labelScalars : .max) {
            switch scalar {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"" where quotes: out += "\\\""
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
