import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import TestSupport
import Testing

/// What the API counts of itself.
@Suite(.timeLimit(.minutes(1))) struct MetricsRouteTests {
    private func metrics(_ api: API) async throws -> String {
        try await api.ask("GET", "/metrics").text
    }

    @Test("Requests are counted by route, method and class of status, whatever their paths are")
    func requests() async throws {
        let api = try await API.leading()
        for index in 0..<3 { _ = try await api.ask("GET", "/api/v1/builds/missing-\(index)") }
        for index in 0..<3 { _ = try await api.ask("GET", "/nothing/\(index)") }
        _ = try await api.ask("GET", "/api/v1/hosts")
        _ = try await api.ask("GET", "/api/v1/hosts", isStranger: true)
        _ = try await api.ask("FORGED", "/api/v1/hosts")
        let text = try await metrics(api)
        let name = "aibuild_http_request_duration_seconds_count"
        for (labels, count) in [
            (#"method="GET",route="/api/v1/builds/{id}",status="4xx""#, 3),
            (#"method="GET",route="none",status="4xx""#, 3),
            (#"method="GET",route="/api/v1/hosts",status="2xx""#, 1),
            (#"method="GET",route="/api/v1/hosts",status="4xx""#, 1),
            (#"method="other",route="none",status="4xx""#, 1),
        ] {
            #expect(text.contains("\n\(name){\(labels)} \(count)\n"), "\(labels): \(text)")
        }
        #expect(!text.contains("missing-") && !text.contains("FORGED"))
    }

    @Test("Followers are counted for as long as they follow")
    func followers() async throws {
        let api = try await API.leading()
        let line = #"aibuild_event_streams{kind="farm"} "#
        do {
            let first = try await api.ask("GET", "/api/v1/events").stream()
            let second = try await api.ask("GET", "/api/v1/events").stream()
            #expect(await first.next() != nil)
            #expect(try await metrics(api).contains("\n\(line)2\n"))
            _ = (consume first, second)
        }
        try await eventually("nobody follows") {
            try await metrics(api).contains("\n\(line)0\n")
        }
    }
}
