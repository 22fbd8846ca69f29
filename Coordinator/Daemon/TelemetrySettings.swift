import CoordinatorAdapters
import CoordinatorService
import MetricsKit
import YAMLKit

/// `telemetry:` in coordinator.yml: who takes traces.
enum TelemetrySettings {
    static func settings(_ yaml: YAMLMapping) throws -> OTLPExporter.Settings {
        OTLPExporter.Settings(
            url: try yaml.take("otlp_url", Configuration.webURL),
            authorities: try yaml.takeIfPresent("ca_file", .existingFile))
    }

    /// Starts to send. Runs as long as the process: what waits at its end is dropped.
    static func exporter(
        _ configuration: Configuration, _ metrics: Metrics
    ) -> OTLPExporter? {
        guard let settings = configuration.telemetry else { return nil }
        let exporter = OTLPExporter(
            settings, version: Daemon.version, instance: configuration.api.url
        ) { result, count in
            metrics.add(FarmMetric.spans, [result.rawValue], by: Double(count))
        }
        Task { await exporter.run() }
        return exporter
    }
}
