import CoordinatorService
import FoundationEssentials
import HTTPClientKit
import MetricsKit
import ProcessKit
import Support
import TestSupport
import Testing

/// The files of `deploy/` for Prometheus and Grafana, with a real farm and the real Prometheus.
@Suite("Monitoring", .timeLimit(.minutes(5))) struct MonitoringTests {
    private func metrics(_ farm: Farm) async throws -> String {
        FarmClient.text(try await farm.api.get("/metrics"))
    }

    @Test("The alerts fire when they should: promtool's own tests of them")
    func alerts() async throws {
        let output = try await Command(
            ["promtool", "test", "rules", "aibuild.test.yml"],
            environment: Command.minimalEnvironment, workFolder: DeployFolder.path + "/prometheus"
        ).run(timeoutSeconds: 300)
        #expect(output.status.isSuccess, "\(output.stdoutText) \(output.stderrText)")
        let rules = try DeployFolder.text("prometheus/aibuild.rules.yml")
        let tests = try DeployFolder.text("prometheus/aibuild.test.yml")
        for rule in rules.matches(of: #/alert: (\w+)/#).map(\.1) {
            let pattern = "alertname: \(rule)\n        exp_alerts:\n          - "
            #expect(tests.contains(pattern), "no test has \(rule) fire")
        }
    }

    /// Builds, releases and messages happen in tests of their own.
    private static let rare: Set = [
        "aibuild_certificate_expiry_timestamp_seconds", "aibuild_last_backup_timestamp_seconds",
        "aibuild_releases_total", "aibuild_notifications_total", "aibuild_deliveries_total",
        "aibuild_trace_spans_total",
    ]

    /// The series that a file asks for, as a coordinator names them.
    private func used(_ name: String) throws -> Set<String> {
        let pattern = #/\b((?:aibuild|process)_\w+?)(?:_bucket|_sum|_count)?\b/#
        return Set(try DeployFolder.text(name).matches(of: pattern).map { String($0.1) })
    }

    @Test("Alerts and dashboard ask for what there is, and the dashboard for all of it")
    func names() throws {
        let known = Set(FarmMetric.all.map(\.name))
        let shown = try used("grafana/aibuild.json")
        #expect(known.subtracting(shown) == [], "not on the dashboard")
        #expect(shown.subtracting(known) == [], "unknown to the coordinator")
        for name in ["prometheus/aibuild.rules.yml", "prometheus/aibuild.test.yml"] {
            #expect(try used(name).subtracting(known) == [], "\(name)")
        }
    }

    /// Only what Grafana needs to draw each panel; it has no schema of its own that is published.
    @Test("The dashboard is one that Grafana takes")
    func dashboard() throws {
        struct Dashboard: Decodable {
            struct Panel: Decodable {
                struct Place: Decodable { var x, y, w, h: Int }
                struct Target: Decodable { var expr, refId: String }
                var id: Int
                var title, type: String
                var gridPos: Place
                var targets: [Target]?
            }
            var uid: String
            var schemaVersion: Int
            var panels: [Panel]
        }
        let text = try DeployFolder.text("grafana/aibuild.json")
        let dashboard = try JSONDecoder().decode(Dashboard.self, from: Data(text.utf8))
        let panels = dashboard.panels
        #expect(Set(panels.map(\.id)).count == panels.count)
        #expect(Set(panels.map(\.title)).count == panels.count)
        var taken: Set<[Int]> = []
        for panel in panels {
            let place = panel.gridPos
            #expect(place.x + place.w <= 24, "\(panel.title)")
            for x in place.x..<place.x + place.w {
                for y in place.y..<place.y + place.h {
                    #expect(taken.insert([x, y]).inserted, "\(panel.title) is over another one")
                }
            }
            let targets = panel.targets ?? []
            #expect(panel.type == "row" || !targets.isEmpty, "\(panel.title)")
            #expect(Set(targets.map(\.refId)).count == targets.count, "\(panel.title)")
        }
    }

    @Test("Every expression of the dashboard is one of Prometheus")
    func expressions() async throws {
        let dashboard = try DeployFolder.text("grafana/aibuild.json")
        let expressions = dashboard.matches(of: #/"expr": ("(?:[^"\\]|\\.)*")/#).map {
            String($0.1)
        }
        #expect(expressions.count > 20)
        // Rules are where promtool parses expressions from a file.
        let rules = expressions.enumerated().map { index, expression in
            let written = expression.replacing("$__rate_interval", with: "5m")
            return "  - {record: 'panel:\(index)', expr: \(written)}"
        }
        let folder = try TemporaryFolder()
        let file = "\(folder.path)/rules.yml"
        let text = "groups:\n- name: x\n  rules:\n" + rules.joined(separator: "\n")
        try Files.replace(file, with: Array(text.utf8))
        let output = try await Command(
            ["promtool", "check", "rules", file], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(output.status.isSuccess, "\(output.stdoutText)\(output.stderrText)")
    }

    @Test("A coordinator that has built an image shows every metric, and promtool accepts them")
    func everything() async throws {
        try await withFarm { farm in
            try await farm.script("debian", "echo words; " + Scripts.image())
            try await farm.script("broken", "exit 1")
            let passed = try await farm.api.end(of: try await farm.api.submit("debian"))
            try #require(passed.state == "passed", "\(passed)")
            let failed = try await farm.api.end(of: try await farm.api.submit("broken"))
            #expect(failed.state == "failed")
            _ = try await farm.api.get("/api/v1/builds/\(passed.id)/no/such/path")
            let backups = "\(farm.folder)/backups"
            let made = try await Command(
                [
                    try FarmProgram.path("aibuild-coordinator"), "backup", backups, "--config",
                    farm.configPath,
                ], environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300)
            #expect(made.status.isSuccess, "\(made.stdoutText)\(made.stderrText)")
            let text = try await eventually("everything was measured") {
                let text = try await metrics(farm)
                return text.contains("aibuild_stored_items")
                    && text.contains("aibuild_host_disk_bytes") ? text : nil
            }
            let output = try await Command(
                ["promtool", "check", "metrics"], environment: Command.minimalEnvironment
            ).run(stdin: Array(text.utf8), timeoutSeconds: 300)
            #expect(output.status.isSuccess)
            #expect(output.stdoutText + output.stderrText == "", "promtool finds nothing")
            let shown = Set(text.matches(of: #/# TYPE (\w+) /#).map { String($0.1) })
            let streams: Set = ["aibuild_event_streams"]
            for metric in FarmMetric.all
            where !Self.rare.subtracting(["aibuild_last_backup_timestamp_seconds"])
                .union(streams).contains(metric.name)
            {
                #expect(shown.contains(metric.name), "\(metric.name)")
            }
            for line in [
                "aibuild_builds_total{result=\"passed\"} 1",
                "aibuild_builds_total{result=\"failed\"} 1",
                "aibuild_attempts_total{stage=\"build\",fault=\"none\"} 1",
                "aibuild_attempts_total{stage=\"build\",fault=\"template\"} 1",
                "aibuild_image_pulls_total{result=\"done\"} 1",
                "aibuild_image_pull_bytes_total 65536",
                "aibuild_build_stage_duration_seconds_count{stage=\"building\"} 2",
                "aibuild_build_stage_duration_seconds_count{stage=\"collecting\"} 1",
                "aibuild_hosts{state=\"ready\"} 1", "aibuild_slots{state=\"free\"} 2",
            ] { #expect(text.contains("\n\(line)\n"), "\(line): \(text)") }
            let logged = Set(
                text.matches(of: #/aibuild_log_received_bytes_total ([1-9]\d*)/#)
                    .map { String($0.1) })
            let stored = try await farm.api.log(passed).count + farm.api.log(failed).count
            #expect(logged == ["\(stored)"], "every byte of the logs, once")
            #expect(text.contains(#/\naibuild_lease_epoch [1-9]/#))
            #expect(!text.contains(passed.id), "a label is a route, not a path")
            #expect(
                text.contains(#/http_request_duration_seconds_count{method="GET",route="none",/#))
            #expect(text.contains("route=\"/api/v1/builds/{id}\",status=\"2xx\""))
        }
    }

    @Test("docs/monitoring.md has the table of all metrics")
    func documented() throws {
        let page = String(
            decoding: try Files.read(
                DeployFolder.path + "/../docs/monitoring.md", limitBytes: 1 << 20), as: UTF8.self)
        let rows = page.split(separator: "\n").filter {
            $0.hasPrefix("| `aibuild_") || $0.hasPrefix("| `process_")
        }.map(String.init)
        let expected = FarmMetric.all.map { metric in
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(metric.name)` | \(metric.kind.word) | \(labels) | \(metric.help) |"
        }
        #expect(rows == expected, "should be:\n\(expected.joined(separator: "\n"))")
    }

    @Test("The numbers are those of the farm")
    func numbers() async throws {
        let setup = Farm.Setup {
            $0.agentLines = ["slots: 1", "vcpus: 8", "memory_bytes: 16GiB"]
            $0.hasNetworks = true
        }
        try await withFarm(setup) { farm in
            func wait(for lines: String...) async throws {
                var last = ""
                try await eventually("\(lines); it is \(last)") {
                    last = "\n" + (try await metrics(farm))
                    return lines.allSatisfy { last.contains("\n\($0)\n") }
                }
            }
            try await wait(
                for: "aibuild_leading 1", "aibuild_queued_builds{reason=\"no_room\"} 0",
                "aibuild_oldest_queued_build_seconds 0",
                "aibuild_host_ready{host=\"kvm0\"} 1", "aibuild_host_slots{host=\"kvm0\"} 1")
            try await farm.script("debian", Scripts.gate(farm, "one"))
            for _ in 0..<3 { _ = try await farm.api.submit("debian") }
            try await wait(
                for: "aibuild_running_builds 1", "aibuild_queued_builds{reason=\"no_room\"} 2",
                "aibuild_slots{state=\"used\"} 1", "aibuild_slots{state=\"free\"} 0",
                "aibuild_host_running_builds{host=\"kvm0\"} 1")
            try await eventually("the queue ages") {
                try await !metrics(farm).contains("aibuild_oldest_queued_build_seconds 0\n")
            }
            _ = try await farm.api.send("POST", "/api/v1/hosts/kvm0/drain")
            try await wait(
                for: "aibuild_host_drained{host=\"kvm0\"} 1", "aibuild_hosts{state=\"drained\"} 1",
                "aibuild_queued_builds{reason=\"hosts_drained\"} 2")
            farm.hosts[0].network?.set(.cut)
            try await wait(for: "aibuild_host_ready{host=\"kvm0\"} 0")
        }
    }

    @Test("Prometheus signs in with a token that may only read")
    func prometheus() async throws {
        try await withFarm { farm in
            let folder = "\(farm.folder)/prometheus"
            try Files.makeFolder(folder)
            // As deploy/prometheus/prometheus.yml says.
            let password = "\(farm.folder)/password"
            try Files.replace(password, with: "correct horse battery".utf8)
            _ = try await farm.aibuild([
                "user", "add", "prometheus", "--role", "viewer", "--password-file", password,
            ])
            let person = ["HOME": folder, "AIBUILD_TOKEN": ""]
            _ = try await farm.aibuild(
                ["login", "--user", "prometheus", "--password-file", password], variables: person)
            let made = try await farm.aibuild(
                ["token", "add", "prometheus", "--right", "view"], variables: person)
            let token = made.out.split(separator: "\n").first.map(String.init) ?? ""
            #expect(token.hasPrefix("aib_"), "\(made)")
            try Files.replace("\(folder)/aibuild.token", with: token.utf8)
            var configuration = try DeployFolder.text("prometheus/prometheus.yml")
            for (old, new) in [
                ("scheme: https", "scheme: http"), ("_interval: 30s", "_interval: 1s"),
                ("builds.example.org:443", "127.0.0.1:\(farm.port)"),
            ] {
                #expect(configuration.contains(old))
                configuration = configuration.replacing(old, with: new)
            }
            try Files.replace("\(folder)/prometheus.yml", with: configuration.utf8)
            let rules = try DeployFolder.text("prometheus/aibuild.rules.yml")
            try Files.replace("\(folder)/aibuild.rules.yml", with: rules.utf8)
            let port = try LoopbackPort.free()
            let server = try FarmProgram(
                "prometheus",
                [
                    "--config.file=\(folder)/prometheus.yml", "--storage.tsdb.path=\(folder)/data",
                    "--web.listen-address=127.0.0.1:\(port)",
                ], logPath: "\(folder)/log", path: "/usr/bin/prometheus")
            let client = FarmClient(base: "http://127.0.0.1:\(port)/api/v1")
            for query in ["up", "aibuild_host_ready"] {
                try await eventually("\(query) is 1; \(server.log.suffix(1000))") {
                    let answer = try? await client.get("/query?query=\(query)")
                    return answer.map(FarmClient.text)?.contains(",\"1\"]") == true
                }
            }
            let loaded = FarmClient.text(try await client.get("/rules"))
            #expect(loaded.contains("AibuildNoLeader"), "\(loaded)")
        }
    }
}
