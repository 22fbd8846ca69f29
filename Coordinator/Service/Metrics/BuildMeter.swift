import BuildProtocol
import CoordinatorCore
import MetricsKit

/// Counts what becomes of builds, at the one place where every change of a build passes.
struct BuildMeter {
    let metrics: Metrics
    let spans: BuildSpans

    init(_ ports: Ports) {
        metrics = ports.metrics
        spans = BuildSpans(sink: ports.spans)
    }

    /// - Parameters:
    ///   - old: the build before; `nil` if it is new. Of one that is not known any more, nothing is
    ///     counted, so that an end counts once.
    ///   - since: when the old state began, if this coordinator has seen it.
    func note(_ old: Build?, _ new: Build, since: Int64?, at now: Int64) {
        guard let old else { return spans.queued(new, at: now) }
        guard !old.state.isEnded, old.state != new.state else { return }
        if let since {
            spans.stage(old, from: since, to: now)
            metrics.observe(
                FarmMetric.stageDuration, [old.state.rawValue], Self.seconds(from: since, to: now))
        }
        guard new.state.isEnded else { return }
        spans.ended(new, at: now)
        metrics.add(FarmMetric.builds, [new.state.rawValue])
        metrics.observe(
            FarmMetric.buildDuration, [new.state.rawValue],
            Self.seconds(from: new.submittedMilliseconds, to: new.endedMilliseconds ?? now))
    }

    /// - Parameter start: when the attempt began, if this coordinator knows.
    func ended(_ verdict: AttemptVerdict, _ build: Build, from start: Int64?, at now: Int64) {
        spans.attempt(verdict, build, from: start, to: now)
        metrics.add(
            FarmMetric.attempts, [build.stage.rawValue, verdict.fault?.class.rawValue ?? "none"])
    }

    static func seconds(from start: Int64, to end: Int64) -> Double {
        Double(max(0, end &- start)) / 1000
    }
}
