import CoordinatorService
import MetricsKit

/// Counts a follower for as long as its stream is held, however that ends.
final class CountedFollower: Sendable {
    enum Kind: String { case build, release, farm }

    private let kind: Kind
    private let metrics: Metrics

    init(_ kind: Kind, _ api: APIContext) {
        self.kind = kind
        metrics = api.ports.metrics
        metrics.add(FarmMetric.eventStreams, [kind.rawValue])
    }

    deinit { metrics.add(FarmMetric.eventStreams, [kind.rawValue], by: -1) }
}
