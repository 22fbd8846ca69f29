import CoordinatorAPI
import CoordinatorCore
import FoundationEssentials
import HTTPTypes
import Testing

/// The routes of registration by spreadsheet.
@Suite("Import and export routes") struct ImportTests {
    /// One sheet `guestos` whose only row has what was sent as its name.
    private struct EchoSheets: SheetFiles {
        func read(_ bytes: [UInt8], name: String) async throws -> SheetFile {
            if bytes.isEmpty { throw SheetFault("the file \(name) is empty") }
            let header: [SheetValue] = [.text("name"), .text("type")]
            let row: [SheetValue] = [.text(String(decoding: bytes, as: UTF8.self)), .text("linux")]
            return SheetFile(
                tables: [
                    SheetTable(
                        name: "guestos", columns: ["A", "B"],
                        rows: [.init(number: 1, values: header), .init(number: 2, values: row)])
                ])
        }

        func write(_ sheets: [(name: String, rows: [[String]])]) async throws -> [UInt8] {
            Array("\(sheets.map(\.rows.count))".utf8)
        }
    }

    private func ask(
        _ method: String, _ target: String, _ body: String = "",
        type: String? = "application/octet-stream"
    ) async throws -> Answer {
        let api = try await API.leading(sheets: EchoSheets())
        return try await api.ask(
            method, target, body, headers: type.map { ["Content-Type": $0] } ?? [:])
    }

    @Test("An import reports what it would change, sheet by sheet") func countsChanges()
        async throws
    {
        let answer = try await ask("POST", "/api/v1/import?dry_run=true&sheet=Guest%20OS", "a")
        #expect(answer.status == 200)
        #expect(
            answer.text.contains(#""sheets":[{"changed":0,"new":1,"same":0,"sheet":"guestos"}]"#),
            "\(answer.text)")
        #expect(answer.text.contains(#""dryRun":true"#))
    }

    @Test("Every problem in a file comes with its cell") func locatesProblems() async throws {
        let answer = try await ask("POST", "/api/v1/import", "a b")
        #expect(answer.status == 422)
        #expect(answer.headers["Content-Type"] == "application/problem+json")
        #expect(answer.text.contains(#""cell":"A2""#) && answer.text.contains(#""row":2"#))
        #expect(answer.text.contains(#""detail":"There is a problem in the file: nothing was"#))
        let unreadable = try await ask("POST", "/api/v1/import?name=x.xls")
        #expect(unreadable.status == 422)
        #expect(unreadable.text.contains("the file x.xls is empty"))
    }

    /// A form of another site can send these types through a browser.
    @Test("A body of another type and unknown parameters are refused") func refusesOtherRequests()
        async throws
    {
        #expect(try await ask("POST", "/api/v1/import", "a", type: "text/plain").status == 415)
        #expect(try await ask("POST", "/api/v1/import", "a", type: nil).status == 415)
        #expect(try await ask("POST", "/api/v1/import?dry_run=maybe", "a").status == 400)
        let sheet = try await ask("POST", "/api/v1/import?sheet=hosts", "a")
        #expect(sheet.status == 400)
        #expect(sheet.text.contains("envs, guestos, testcases"))
    }

    @Test("The export is served as a file to save") func exportsAFile() async throws {
        let answer = try await ask("GET", "/api/v1/export?empty=true", type: nil)
        #expect(answer.status == 200 && answer.text == "[1, 1, 1]")
        #expect(
            answer.headers["Content-Disposition"]
                == "attachment; filename=\"aibuild-template.xlsx\"")
    }
}
