import HTTPClientKit
import HTTPTypes
import TestSupport
import Testing

/// Traces, taken by a receiver that reads them by OpenTelemetry's schema.
@Suite("Traces", .timeLimit(.minutes(5))) struct TraceTests {
    private let request = "4bf92f3577b34da6a3ce929d0e0e4736"

    @Test(
        "A build is a trace of attempts and stages, and the request that asked for it leads there")
    func build() async throws {
        let receiver = try await OTLPReceiver.start()
        let setup = Farm.Setup { $0.coordinatorLines = ["telemetry: {otlp_url: \(receiver.url)/}"] }
        try await withFarm(setup) { farm in
            try await farm.script("broken", "exit 3")
            let answer = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"broken"}"#,
                headers: ["traceparent": "00-\(request)-00f067aa0ba902b7-01"])
            let build = try FarmClient.decode(FarmBuild.self, answer)
            _ = try await farm.api.end(of: build)
            let spans = try await eventually("all arrived; \(receiver.log)") {
                let spans = try receiver.spans()
                return spans.contains { $0.name == "broken:1" } ? spans : nil
            }
            let asked = try #require(spans.first { $0.name == "POST /api/v1/builds" })
            #expect(asked.trace == request && asked.parent == "00f067aa0ba902b7")
            #expect(asked.kind == 2 && asked.service == "aibuild-coordinator")
            #expect(asked.attributes["http.response.status_code"] == "201")
            #expect(asked.attributes["aibuild.request"] == answer.headers["X-Request-ID"])
            let queue = try #require(spans.first { $0.name == "queue broken:1" })
            #expect(queue.trace == request && queue.parent == asked.span)
            let whole = try #require(spans.first { $0.name == "broken:1" })
            #expect(queue.links == [whole.trace])
            #expect(whole.parent == "" && whole.status == 2)
            #expect(whole.message.contains("command.failed"), "\(whole.message)")
            #expect(whole.attributes["aibuild.build"] == build.id)
            let parts = spans.filter { $0.trace == whole.trace }
            let attempt = try #require(parts.first { $0.name == "build on kvm0" })
            #expect(attempt.parent == whole.span && attempt.status == 2)
            let queued = try #require(parts.first { $0.name == "queued" })
            #expect(queued.parent == whole.span && queued.status == 0)
            let building = try #require(parts.first { $0.name == "building" })
            #expect(building.parent == attempt.span)
            #expect(Set(parts.map(\.span)).count == parts.count)
        }
    }

    @Test("A receiver that is away holds up nothing, and gets what waited")
    func away() async throws {
        let receiver = try await OTLPReceiver.start()
        try receiver.setAway(true)
        let setup = Farm.Setup { $0.coordinatorLines = ["telemetry: {otlp_url: \(receiver.url)}"] }
        try await withFarm(setup) { farm in
            let builds = try await farm.imageBuilds(2)
            #expect(builds.allSatisfy { $0.state == "passed" })
            #expect(try receiver.spans().isEmpty)
            try receiver.setAway(false)
            try await eventually("the builds arrive; \(receiver.log)") {
                let names = Set(try receiver.spans().map(\.name))
                return names.isSuperset(of: ["debian:1", "debian:2", "publishing", "collecting"])
            }
            try await eventually("they are counted") {
                FarmClient.text(try await farm.api.get("/metrics"))
                    .contains("\naibuild_trace_spans_total{result=\"sent\"} ")
            }
        }
    }
}
