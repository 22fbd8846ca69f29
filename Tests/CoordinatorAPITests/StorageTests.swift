import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import Support
import TestSupport
import Testing

/// How much is stored.
@Suite(.timeLimit(.minutes(1))) struct StorageTests {
    /// Cannot count one of the tables.
    private struct Meter: StorageMeter {
        func measure(_ data: GrowingData) throws -> StoredAmount {
            switch data.place {
            case .table("attempts"): throw Failure("the table is away")
            case .table: StoredAmount(items: 9)
            default: StoredAmount(items: 3, bytes: 4096)
            }
        }
    }

    @Test("Everything that grows is shown with its size and its rule")
    func sizes() async throws {
        let api = try await API.leading(meter: Meter())
        let storage = try await eventually("it was measured") {
            let answer = try await api.ask("GET", "/api/v1/storage")
            return answer.text.contains("measuredAt") ? answer.text : nil
        }
        for data in GrowingData.all where data.id != "attempts" {
            #expect(storage.contains("\"id\":\"\(data.id)\""), "\(data.id)")
            #expect(storage.contains(data.rule), "\(data.rule)")
        }
        let metrics = try await api.ask("GET", "/metrics")
        #expect(metrics.headers["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        for line in [
            "aibuild_unusable_rows 0", "aibuild_stored_items{kind=\"audit\"} 9",
            "aibuild_stored_items{kind=\"git_mirrors\"} 3",
            "aibuild_stored_bytes{kind=\"logs\"} 4096",
            "# TYPE aibuild_stored_bytes gauge",
        ] {
            #expect(metrics.text.contains(line + "\n"), "\(line)")
        }
        #expect(!metrics.text.contains("kind=\"attempts\""), "what cannot be measured is left out")
    }

    @Test("Before the first measurement, only rows that cannot be used are counted")
    func notMeasured() async throws {
        let api = try await API.leading()
        let storage = try await api.ask("GET", "/api/v1/storage").text
        #expect(storage.hasPrefix(#"{"unusableRows":[]"#) && !storage.contains("growing"))
        #expect(storage.contains("webRootFreeBytes"))
        let metrics = try await api.ask("GET", "/metrics").text
        #expect(metrics.contains("\naibuild_unusable_rows 0\n"))
        #expect(metrics.contains("\naibuild_web_root_free_bytes "))
        #expect(try await api.ask("GET", "/metrics", isStranger: true).status == 401)
    }
}
