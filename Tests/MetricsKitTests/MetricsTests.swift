import MetricsKit
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

@Suite("Metrics") struct MetricsTests {
    private static let builds = Metric("app_builds_total", .counter, ["result"], "Ended builds.")
    private static let bytes = Metric("app_received_bytes_total", .counter, "Bytes.")
    private static let free = Metric("app_free_bytes", .gauge, ["host"], "Free \\ of \"it\".")
    private static let times = Metric(
        "app_answer_duration_seconds", .histogram([0.1, 1, 10]), ["route"], "Time to answer.")
    private static let table = [builds, bytes, free, times]

    @Test("Counters, gauges and histograms are written as Prometheus reads them")
    func text() {
        let metrics = Metrics(Self.table)
        metrics.add(Self.builds, ["passed"])
        metrics.add(Self.builds, ["passed"])
        metrics.add(Self.builds, ["failed"], by: 0.5)
        for seconds in [0.05, 0.1, 0.5, 99] { metrics.observe(Self.times, ["/x/{id}"], seconds) }
        let text = metrics.text(with: [Sample(Self.free, ["kvm\"1\n"], 1e12)])
        #expect(
            text == #"""
                # HELP app_builds_total Ended builds.
                # TYPE app_builds_total counter
                app_builds_total{result="failed"} 0.5
                app_builds_total{result="passed"} 2
                # HELP app_received_bytes_total Bytes.
                # TYPE app_received_bytes_total counter
                app_received_bytes_total 0
                # HELP app_free_bytes Free \\ of "it".
                # TYPE app_free_bytes gauge
                app_free_bytes{host="kvm\"1\n"} 1000000000000
                # HELP app_answer_duration_seconds Time to answer.
                # TYPE app_answer_duration_seconds histogram
                app_answer_duration_seconds_bucket{route="/x/{id}",le="0.1"} 2
                app_answer_duration_seconds_bucket{route="/x/{id}",le="1"} 3
                app_answer_duration_seconds_bucket{route="/x/{id}",le="10"} 3
                app_answer_duration_seconds_bucket{route="/x/{id}",le="+Inf"} 4
                app_answer_duration_seconds_sum{route="/x/{id}"} 99.65
                app_answer_duration_seconds_count{route="/x/{id}"} 4

                """#)
    }

    @Test("promtool accepts them, those of the process as well")
    func lint() async throws {
        let metrics = Metrics(Self.table + ProcessSamples.table)
        metrics.add(Self.builds, ["passed"])
        metrics.observe(Self.times, ["/"], 1)
        let text = metrics.text(with: ProcessSamples.now())
        for metric in ProcessSamples.table { #expect(text.contains("\n\(metric.name) ")) }
        let output = try await Command(
            ["promtool", "check", "metrics"], environment: Command.minimalEnvironment
        ).run(stdin: Array(text.utf8), timeoutSeconds: 300)
        #expect(output.status.isSuccess, "\(output.stdoutText)\(output.stderrText)")
        #expect(output.stdoutText + output.stderrText == "")
    }

    @Test("However many values a label gets, the number of series is bounded, and nothing is lost")
    func bounded() {
        let metrics = Metrics(Self.table)
        for index in 0..<5000 { metrics.add(Self.builds, ["\(index)"]) }
        metrics.add(Self.builds, ["7"])
        let lines = metrics.text().split(separator: "\n").filter {
            $0.hasPrefix("app_builds_total")
        }
        #expect(lines.count == 2001)
        #expect(lines.contains("app_builds_total{result=\"7\"} 2"))
        #expect(lines.contains("app_builds_total{result=\"other\"} 3000"))
        metrics.set(Self.free, [String(repeating: "x", count: 5000)], to: 1)
        #expect(metrics.text().split(separator: "\n").allSatisfy { $0.utf8.count < 300 })
    }

    @Test("What several tasks count at once is all counted")
    func concurrent() async {
        let metrics = Metrics(Self.table)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1000 { metrics.add(Self.bytes, by: 2) } }
            }
        }
        #expect(metrics.text().contains("\napp_received_bytes_total 16000\n"))
    }
}
