import HTTPClientKit
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
        ).run(timeoutSeconds: 120)
        #expect(output.status.isSuccess, "\(output.stdoutText) \(output.stderrText)")
        let rules = try DeployFolder.text("prometheus/aibuild.rules.yml")
        let tests = try DeployFolder.text("prometheus/aibuild.test.yml")
        for rule in rules.matches(of: #/alert: (\w+)/#).map(\.1) {
            let pattern = "alertname: \(rule)\n        exp_alerts:\n          - "
            #expect(tests.contains(pattern), "no test has \(rule) fire")
        }
    }

    @Test("Alerts and dashboard use what the coordinator measures, and the dashboard all of it")
    func names() async throws {
        try await withFarm { farm in
            let measured: Set<String> = try await eventually("everything was measured") {
                let metrics = try await metrics(farm)
                return metrics.contains("aibuild_stored_items")
                    ? Set(metrics.matches(of: #/# TYPE (\w+) gauge/#).map { String($0.1) }) : nil
            }
            #expect(measured.count > 10)
            func used(_ name: String) throws -> Set<String> {
                Set(
                    try DeployFolder.text(name).matches(of: #/\b(aibuild_\w+)/#).map {
                        String($0.1)
                    })
            }
            #expect(try used("grafana/aibuild.json") == measured)
            for name in ["prometheus/aibuild.rules.yml", "prometheus/aibuild.test.yml"] {
                let unknown = try used(name).subtracting(measured)
                #expect(unknown == [], "\(name)")
            }
        }
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
                for: "aibuild_leading 1", "aibuild_queued_builds 0",
                "aibuild_oldest_queued_build_seconds 0",
                "aibuild_host_ready{host=\"kvm0\"} 1", "aibuild_host_slots{host=\"kvm0\"} 1")
            try await farm.script("debian", Scripts.gate(farm, "one"))
            for _ in 0..<3 { _ = try await farm.api.submit("debian") }
            try await wait(
                for: "aibuild_running_builds 1", "aibuild_queued_builds 2",
                "aibuild_host_running_builds{host=\"kvm0\"} 1")
            try await eventually("the queue ages") {
                try await !metrics(farm).contains("aibuild_oldest_queued_build_seconds 0\n")
            }
            _ = try await farm.api.send("POST", "/api/v1/hosts/kvm0/drain")
            try await wait(for: "aibuild_host_drained{host=\"kvm0\"} 1")
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
