//! MetricsKit: what a program measures of itself, in the text format of Prometheus: counters,
//! gauges and histograms of a fixed table. It does not know what is measured, and asks nobody.

/// What is measured: a row of the program's table of metrics.
public struct Metric: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case counter, gauge
        /// Upper bounds of the buckets, ascending; the last one, without a bound, is left out.
        case histogram([Double])

        /// As in `# TYPE`.
        public var word: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    public let name: String
    public let kind: Kind
    /// The names of the labels, in the order of their values.
    public let labels: [String]
    /// One sentence.
    public let help: String

    public init(_ name: String, _ kind: Kind, _ help: String) {
        self.init(name, kind, [], help)
    }

    public init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
    }
}

/// One value of a metric that is known at the moment it is asked for.
public struct Sample: Sendable, Hashable {
    public var metric: Metric
    /// Of the metric's labels, in their order.
    public var labels: [String]
    public var value: Double

    public init(_ metric: Metric, _ value: Double) { self.init(metric, [], value) }

    public init(_ metric: Metric, _ labels: [String], _ value: Double) {
        self.metric = metric
        self.labels = labels
        self.value = value
    }
}
